"""Makes a bundle of an exported, evaluated image model; refused when it isn't better than what needs no learning."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from jinja2 import Environment

from models.images.baselines import BASELINES
from models.images.evaluate import ALL, MODEL
from models.images.export import INPUT, OUTPUT
from models.images.recipe import ImageRecipe
from screening.errors import ConfigError

log = logging.getLogger("models.images.publish")
TEMPLATE = Path(__file__).with_name("card.md.j2")


def behind(recipe: ImageRecipe, metrics: dict[str, Any]) -> list[str]:
    """What the model is not surely better than: "label: number" where the lead's 95 % interval holds 0 or less."""
    return [
        f"{label}: {name}"
        for label in recipe.must_beat
        for name in BASELINES.get(label, {})
        if metrics[label]["among_all"][name]["auroc_lead"][1] <= 0
    ]


def bundle_record(recipe: ImageRecipe, evaluation: dict[str, Any], files: dict[str, str]) -> dict[str, Any]:
    """What bundle.json says, in the format that screening.classifiers reads."""
    counts = evaluation["photographs"]
    return {
        "format": 1,
        "name": recipe.name,
        "version": recipe.version,
        "modality": "image",
        "model": "model.onnx",
        "image": recipe.image.model_dump(mode="json"),
        "inputs": [INPUT],
        "heads": [
            {
                "name": "quality",
                "kind": "multilabel",
                "labels": recipe.labels,
                "output": OUTPUT,
                "pool": "mean",
                "calibration": evaluation["calibration"],
            }
        ],
        "calibration": "calibration.json",
        "base_model": {"name": recipe.backbone.name, "licence": recipe.backbone.licence},
        "training_data": [
            {
                "name": recipe.photographs.set,
                "licence": recipe.photographs.licence,
                "rows": counts["train"],
                "dev_rows": counts["dev"],
            }
        ],
        "metrics": evaluation["metrics"],
        "files": files,
    }


def card(recipe: ImageRecipe, evaluation: dict[str, Any]) -> str:
    """The card as Markdown; no number on it is typed by hand."""
    template = Environment(keep_trailing_newline=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(recipe=recipe, e=evaluation, m=evaluation["metrics"], model=MODEL, all=ALL)


def publish(recipe: ImageRecipe, model: Path, to: Path) -> Path:
    """Write the bundle in one step and give its folder.

    Raises ConfigError when that version exists, or when the model is not better than a baseline it must beat.
    """
    target = to / recipe.name / recipe.version
    if target.exists():
        raise ConfigError(f"{target} exists; a published version never changes", fix="raise `version` in the recipe")
    evaluation = json.loads((model / "evaluation.json").read_text())
    if lost := behind(recipe, evaluation["metrics"]):
        raise ConfigError(f"not surely better than {'; '.join(lost)}", fix="train longer, or on more photographs")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{recipe.version}-"))
    try:
        for name in ("model.onnx", "calibration.json"):
            shutil.copyfile(model / name, draft / name)
        (draft / "MODEL_CARD.md").write_text(card(recipe, evaluation), encoding="utf-8")
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(draft.iterdir())}
        record = json.dumps(bundle_record(recipe, evaluation, files), indent=1, ensure_ascii=False)
        (draft / "bundle.json").write_text(record + "\n", encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    log.info("published %s", target)
    return target
