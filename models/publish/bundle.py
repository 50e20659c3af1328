"""Publish an exported and evaluated model as a bundle; a version that exists is never overwritten."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.export.convert import digest, output
from models.publish.card import card
from models.publish.registry import enter, store_root
from models.recipe import Recipe, RecipeHead
from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.manifest import CARD, MANIFEST
from screening.classifiers.sentences.split import RULES
from screening.classifiers.surface import FEATURES
from screening.errors import ConfigError
from screening.storage import join, open_store

log = logging.getLogger("models.publish")


def publish(recipe: Recipe, model: Path, to: str | Path) -> str:
    """Publish the model in the folder `model`, and return the bundle's folder or `gs://` prefix.

    Raises ConfigError if the evaluation is of another model, and whenever `publish_bundle` does.
    """
    evaluation = evaluation_of(model)
    evaluation["metrics"]["export"] = json.loads((model / "export.json").read_text())
    files = {name: (model / name).read_bytes() for name in ("model.onnx", "tokenizer.json", "calibration.json")}
    return publish_bundle(bundle_record(recipe, evaluation), {**files, CARD: card(recipe, evaluation).encode()}, to)


def evaluation_of(model: Path) -> dict[str, Any]:
    """Return what was measured of the model.onnx in a folder. Raises ConfigError if it is of another file."""
    evaluation: dict[str, Any] = json.loads((model / "evaluation.json").read_text())
    if evaluation["model"] != digest(model):
        what = "it was measured on another model.onnx than the one beside it"
        raise ConfigError(what, file=str(model / "evaluation.json"), fix="evaluate again")
    return evaluation


def bundle_record(recipe: Recipe, evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return the content of bundle.json, without its files, in the format that screening.classifiers reads."""
    rows = evaluation["rows"]
    return {
        "format": 1,
        "name": recipe.name,
        "version": recipe.version,
        "modality": "text",
        "model": "model.onnx",
        "int8": evaluation["metrics"]["export"]["precision"] == "int8",
        "tokenizer": "tokenizer.json",
        "text": {"max_tokens": recipe.max_tokens, "overlap": recipe.overlap, **_sentences(recipe)},
        "languages": recipe.languages,
        "inputs": ["input_ids", "attention_mask"],
        "heads": [head_record(h, evaluation["calibration"][h.name]) for h in recipe.heads],
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
    }


def _sentences(recipe: Recipe) -> dict[str, int]:
    return {"sentences": RULES} if any(head.unit == "sentence" for head in recipe.heads) else {}


def head_record(head: RecipeHead, calibration: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one head of bundle.json; `calibration` is a HeadCalibration as a document, or None."""
    said: dict[str, Any] = {k: getattr(head, k) for k in ("name", "kind", "labels", "pool")} | {"output": output(head)}
    said |= {"any": head.any} if head.any else {}
    if head.unit == "sentence":  # an older version refuses the field, and may read a bundle that doesn't need it
        said |= {"unit": head.unit, "discount": calibration["discount"] if calibration else 0.0}
    if calibration:
        said["calibration"] = {k: calibration[k] for k in ("scale", "shift")}
        if calibration["surface"]:
            said["surface"] = {"features": FEATURES, **calibration["surface"]}
    return said


def publish_bundle(record: Mapping[str, Any], files: Mapping[str, bytes], to: str | Path) -> str:
    """Write a bundle below a folder or `gs://` prefix, try it, and add it to the index; return its place.

    `record` is bundle.json without `files`. Raises ConfigError if that version exists, if another publisher is first,
    or if a job could not run the bundle; then nothing is published.
    """
    root = store_root(to)
    target = refuse_existing(to, record["name"], record["version"])
    taken, remote = _taken(target), root.startswith("gs://")
    if not remote:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=None if remote else Path(target).parent, prefix=f".{record['version']}-"))
    try:
        for name, data in files.items():
            (draft / name).write_bytes(data)
        sums = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
        manifest = (json.dumps({**record, "files": sums}, indent=1, ensure_ascii=False) + "\n").encode()
        (draft / MANIFEST).write_bytes(manifest)
        Classifier(load_bundle(str(draft)), make_engine("onnxruntime", cores=1))
        if remote:
            _upload(target, files, manifest, taken)
        else:
            draft.chmod(0o755)
            try:
                draft.rename(target)
            except OSError as error:  # a folder with this name exists and isn't empty
                raise taken from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    enter(root, record["name"], record["version"], hashlib.sha256(manifest).hexdigest())
    log.info("published %s, %.1f MB", target, (len(manifest) + sum(map(len, files.values()))) / 1e6)
    return target


def refuse_existing(to: str | Path, name: str, version: str) -> str:
    """Return the place for that version. Raises ConfigError if it exists."""
    target = join(store_root(to), f"{name}/{version}")
    if open_store(target).exists(join(target, MANIFEST)):
        raise _taken(target)
    return target


def _taken(target: str) -> ConfigError:
    return ConfigError(f"{target} exists; a published version never changes", fix="raise the version")


def _upload(target: str, files: Mapping[str, bytes], manifest: bytes, taken: ConfigError) -> None:
    """Upload the files in a fixed order, bundle.json last, each only if it isn't there; so only one publisher wins."""
    store = open_store(target)
    for name, data in (*sorted(files.items()), (MANIFEST, manifest)):

        def only_new(before: bytes | None, name: str = name, data: bytes = data) -> bytes:
            if before is not None and (name == MANIFEST or before != data):
                raise taken
            return data

        store.update(join(target, name), only_new)
