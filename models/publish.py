"""Makes a bundle of an exported, evaluated model; a version that exists is never written over.

    python -m models.publish RECIPE --model DIR --to DIR

`--model` holds model.onnx, tokenizer.json and what models.evaluate wrote (evaluation.json, calibration.json).
Writes DIR/NAME/VERSION with bundle.json, calibration.json, MODEL_CARD.md and the two files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from models.card import card
from models.recipe import Recipe, load_recipe
from screening.errors import ConfigError

log = logging.getLogger("models.publish")
LARGEST = 30_000_000  # bytes of a bundle that ships with the product


def bundle_record(recipe: Recipe, evaluation: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    """What bundle.json says, in the format that screening.classifiers reads."""
    heads = [
        {
            **h.model_dump(mode="json"),
            "output": f"logits_{h.name}",
            "calibration": evaluation["calibration"][h.name],
        }
        for h in recipe.heads
    ]
    rows = evaluation["rows"]
    return {
        "format": 1,
        "name": recipe.name,
        "version": recipe.version,
        "modality": "text",
        "model": "model.onnx",
        "tokenizer": "tokenizer.json",
        "text": {"max_tokens": recipe.max_tokens, "overlap": recipe.overlap},
        "inputs": ["input_ids", "attention_mask"],
        "heads": heads,
        "calibration": "calibration.json",
        "base_model": {"name": recipe.base_model.name, "licence": recipe.base_model.licence},
        "training_data": [
            {
                "name": s.name,
                "licence": s.licence,
                "rows": rows["train"].get(s.name, 0),
                "dev_rows": rows["dev"].get(s.name, 0),
            }
            for s in recipe.sources
        ],
        "metrics": evaluation["metrics"],
        "files": files,
    }


def publish(recipe: Recipe, model: Path, to: Path) -> Path:
    """Write the bundle in one step and give its folder. Raises ConfigError when that version exists or is too big."""
    target = to / recipe.name / recipe.version
    if target.exists():
        raise ConfigError(f"{target} exists; a published version never changes", fix="raise `version` in the recipe")
    evaluation = json.loads((model / "evaluation.json").read_text())
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{recipe.version}-"))
    try:
        for name in ("model.onnx", "tokenizer.json", "calibration.json"):
            shutil.copyfile(model / name, draft / name)
        (draft / "MODEL_CARD.md").write_text(card(recipe, evaluation), encoding="utf-8")
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(draft.iterdir())}
        record = json.dumps(bundle_record(recipe, evaluation, files), indent=1, ensure_ascii=False)
        (draft / "bundle.json").write_text(record + "\n", encoding="utf-8")
        size = sum(p.stat().st_size for p in draft.iterdir())
        if size > LARGEST:
            raise ConfigError(f"the bundle has {size} bytes, more than {LARGEST}")
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    log.info("published %s, %.1f MB", target, size / 1e6)
    return target


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    publish(load_recipe(args.recipe), args.model, args.to)


if __name__ == "__main__":
    main()
