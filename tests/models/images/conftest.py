"""Made-up photographs, damage in four strengths of each kind, and a recipe that trains in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

STRENGTHS = {
    "defocus": (0.8, 1.5, 3, 5), "motion": (2.5, 5, 10, 15), "upscaled": (0.3, 1, 2.5, 4), "jpeg": (20, 60, 90, 98),
    "webp": (40, 70, 90, 100), "gaussian_noise": (2, 8, 20, 40), "photon_noise": (2, 8, 20, 40),
    "under_exposed": (0.5, 1, 2, 3), "over_exposed": (0.5, 1, 2, 3),
}  # fmt: skip


def scene(seed: int, side: int = 128) -> np.ndarray:
    """Discs of plain colours over one another on a ramp, with a little texture: sharp edges at all scales."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    made = np.stack([np.linspace(40, 200, side)[None, :].repeat(side, 0)] * 3, axis=2)
    for _ in range(60):
        inside = np.hypot(y - chance.integers(side), x - chance.integers(side)) < side * chance.uniform(0.02, 0.15)
        made[inside] = chance.uniform(20, 235, 3)
    return np.clip(made + chance.normal(0, 1, made.shape), 0, 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, ((a.astype(float) - b) ** 2).mean())))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "made"
    folder.mkdir(parents=True)
    for seed in range(12):
        Image.fromarray(scene(seed)).save(folder / f"scene-{seed}.png")
    return tmp_path / "data"


@pytest.fixture
def document() -> dict[str, Any]:
    """A recipe that trains in seconds."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 128}
    return {
        "modality": "image",
        "name": "tiny-image",
        "version": "0.1.0",
        "backbone": {
            "name": "tiny", "licence": "none", "stem": 8,
            "config": {"model_type": "vit", "patch_size": 1, **sizes},
        },
        "image": {
            "size": [32, 32], "mean": [0.5] * 3, "std": [0.25] * 3, "tiles": {"count": 4, "beside_whole": True},
        },
        "overall": "low_quality",
        "damages": {
            "gaussian_noise": {"label": "noise", "mild": 5, "strong": 25},
            "under_exposed": {"label": "under_exposed", "mild": 1, "strong": 3},
        },
        "photographs": {"set": "made", "licence": "none", "dev": 2, "held_out": 3, "drawings": ["scene-3"]},
        "versions": 6,
        "tiles": 4,
        "batch": 8,
        "precision": "fp32",
        "training": {
            "epochs": 4, "learning_rate": 2e-3, "head_learning_rate": 5e-3, "mixed_precision": "no", "patience": 9,
        },
    }  # fmt: skip


def recipe_of(document: dict[str, Any], folder: Path):
    from models.images.recipe import load_image_recipe

    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return load_image_recipe(path)


@pytest.fixture
def recipe(document, tmp_path: Path):
    return recipe_of(document, tmp_path)
