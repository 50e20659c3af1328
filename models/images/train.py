"""The whole chain for pictures: photographs, finetune, export, evaluate, publish; `models.train` runs it."""

from __future__ import annotations

from pathlib import Path

from models.images.evaluate import evaluate
from models.images.export import export
from models.images.finetune import train
from models.images.photographs import prepare
from models.images.publish import publish
from models.images.recipe import ImageRecipe


def make_image_bundle(recipe: ImageRecipe, data: Path, out: Path) -> Path:
    """As `models.train.make_bundle`: run what is missing, in order. ConfigError when the model may not be published."""
    rows, network, model = out / "rows", out / "network", out / "model"
    if not (rows / "leakage.json").is_file():
        prepare(recipe, data, rows)
    if not (network / "final").is_dir():
        train(recipe, rows, network)
    if not (model / "model.onnx").is_file():
        export(recipe, network / "final", rows, model)
    if not (model / "evaluation.json").is_file():
        evaluate(recipe, rows, data, model)
    return Path(publish(recipe, model, out / "bundles"))
