"""Make an image bundle from photographs: prepare, finetune, export, evaluate, publish; `models.train` runs it."""

from __future__ import annotations

from pathlib import Path

from models.images.evaluate import evaluate
from models.images.export import export
from models.images.finetune import train
from models.images.network import WEIGHTS
from models.images.photographs import prepare_photographs
from models.images.publish import publish
from models.images.recipe import ImageRecipe


def make_image_bundle(recipe: ImageRecipe, data: Path, out: Path) -> Path:
    """Run the steps that are missing, like `models.train.make_bundle`, and return the folder of the bundle.

    Raises ConfigError if the model may not be published.
    """
    rows, network, model = out / "rows", out / "network", out / "model"
    if again := not (rows / "leakage.json").is_file():
        prepare_photographs(recipe, data, rows)
    if again := again or not (network / "final" / WEIGHTS).is_file():
        train(recipe, rows, network)
    if again := again or not (model / "model.onnx").is_file():
        export(recipe, network / "final", rows, model)
    if again or not (model / "evaluation.json").is_file():
        evaluate(recipe, rows, data, model)
    return Path(publish(recipe, model, out / "bundles"))
