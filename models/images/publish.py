"""Publish an exported and evaluated image model as a bundle, if it is better than numbers that need no learning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment

from models.export.normalise import image_record
from models.images.baselines import BASELINES
from models.images.evaluate import ALL, MODEL
from models.images.export import INPUT, head_of
from models.images.recipe import ImageRecipe
from models.publish.bundle import evaluation_of, head_record, publish_bundle
from screening.classifiers.manifest import CARD
from screening.errors import ConfigError

TEMPLATE = Path(__file__).with_name("card.md.j2")


def behind(recipe: ImageRecipe, metrics: dict[str, Any]) -> list[str]:
    """Return the numbers ("label: number") that the model does not surely beat: the lead's 95 % interval reaches 0."""
    return [
        f"{label}: {name}"
        for label in recipe.must_beat
        for name in BASELINES.get(label, {})
        if metrics[label]["among_all"][name]["auroc_lead"][1] <= 0
    ]


def bundle_record(recipe: ImageRecipe, evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return the content of bundle.json, without its files, in the format that screening.classifiers reads."""
    counts = evaluation["photographs"]
    return {
        "format": 1,
        "name": recipe.name,
        "version": recipe.version,
        "modality": "image",
        "model": "model.onnx",
        "image": image_record(recipe.image),
        "inputs": [INPUT],
        "heads": [head_record(head_of(recipe), evaluation["calibration"])],
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
    }


def card(recipe: ImageRecipe, evaluation: dict[str, Any]) -> str:
    """Return the model card as Markdown; none of its numbers is typed by hand."""
    template = Environment(keep_trailing_newline=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(recipe=recipe, e=evaluation, m=evaluation["metrics"], model=MODEL, all=ALL)


def publish(recipe: ImageRecipe, model: Path, to: str | Path) -> str:
    """Publish the model in the folder `model`, and return the bundle's folder or `gs://` prefix.

    Raises ConfigError if the model doesn't surely beat a number that it must beat, and whenever `publish_bundle` does.
    """
    evaluation = evaluation_of(model)
    if lost := behind(recipe, evaluation["metrics"]):
        raise ConfigError(f"not surely better than {'; '.join(lost)}", fix="train longer, or on more photographs")
    evaluation["metrics"]["export"] = json.loads((model / "export.json").read_text())
    files = {name: (model / name).read_bytes() for name in ("model.onnx", "calibration.json")}
    return publish_bundle(bundle_record(recipe, evaluation), {**files, CARD: card(recipe, evaluation).encode()}, to)
