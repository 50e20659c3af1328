"""Makes a bundle of an exported, evaluated image model; refused when it isn't better than what needs no learning."""

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
    """What the model is not surely better than: "label: number" where the lead's 95 % interval holds 0 or less."""
    return [
        f"{label}: {name}"
        for label in recipe.must_beat
        for name in BASELINES.get(label, {})
        if metrics[label]["among_all"][name]["auroc_lead"][1] <= 0
    ]


def bundle_record(recipe: ImageRecipe, evaluation: dict[str, Any]) -> dict[str, Any]:
    """What bundle.json says, but for its files, in the format that screening.classifiers reads."""
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
    """The card as Markdown; no number on it is typed by hand."""
    template = Environment(keep_trailing_newline=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(recipe=recipe, e=evaluation, m=evaluation["metrics"], model=MODEL, all=ALL)


def publish(recipe: ImageRecipe, model: Path, to: str | Path) -> str:
    """Publish what lies in `model`, and give the bundle's folder or `gs://` prefix.

    Raises ConfigError when the model is not better than a number it must beat, and as `publish_bundle` does.
    """
    evaluation = evaluation_of(model)
    if lost := behind(recipe, evaluation["metrics"]):
        raise ConfigError(f"not surely better than {'; '.join(lost)}", fix="train longer, or on more photographs")
    evaluation["metrics"]["export"] = json.loads((model / "export.json").read_text())
    files = {name: (model / name).read_bytes() for name in ("model.onnx", "calibration.json")}
    return publish_bundle(bundle_record(recipe, evaluation), {**files, CARD: card(recipe, evaluation).encode()}, to)
