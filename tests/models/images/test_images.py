"""Damage is what it says, photographs never cross splits, and the chain makes a bundle that the product runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.errors import ConfigError
from screening.records import Picture

pytestmark = pytest.mark.train

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


def test_every_damage_is_measured_here():
    from models.images.damage import DAMAGES

    assert set(STRENGTHS) == set(DAMAGES)


@pytest.mark.parametrize("kind", STRENGTHS)
def test_more_of_a_damage_is_further_from_the_original(kind):
    from models.images.damage import damage

    for seed in (1, 2):
        original = scene(seed)
        seen = [damage(original, {kind: s}, np.random.default_rng(5)) for s in STRENGTHS[kind]]
        assert all(made.shape == original.shape and made.dtype == np.uint8 for made in seen)
        distances = [psnr(original, made) for made in seen]
        assert distances == sorted(distances, reverse=True)
        assert len(set(distances)) == len(distances)


def test_no_strength_is_no_damage_and_the_same_seed_the_same_damage():
    from models.images.damage import DAMAGES, damage

    original = scene(1)
    assert np.array_equal(damage(original, dict.fromkeys(DAMAGES, 0.0), np.random.default_rng(1)), original)
    strengths = {kind: s[1] for kind, s in STRENGTHS.items()}
    one, two, other = (damage(original, strengths, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_exposure_is_in_stops_of_light():
    from models.images.damage import damage, linear

    grey = np.full((8, 8, 3), 128, np.uint8)
    for kind, factor in (("under_exposed", 0.5), ("over_exposed", 2)):
        made = damage(grey, {kind: 1}, np.random.default_rng(1))
        light = linear(np.array([128, made[0, 0, 0]], np.float32) / 255)
        assert light[1] / light[0] == pytest.approx(factor, rel=0.02)


def test_a_blur_moves_no_light_and_reaches_as_far_as_it_says():
    from models.images.damage import defocus

    point = np.zeros((21, 21, 3), np.float32)
    point[10, 10] = 1
    made = defocus(point, 4, np.random.default_rng(1))
    assert made.sum() == pytest.approx(3, rel=1e-3)
    assert made[10, 6, 0] > 0.005
    assert made[10, 15].max() < 1e-4


def test_targets_rise_with_strength_and_are_unknown_where_noise_is_hidden(document, tmp_path):
    from models.images.versions import targets

    document["damages"]["jpeg"] = {"label": "compression_artefacts", "mild": 50, "strong": 90}
    recipe = recipe_of(document, tmp_path)
    assert recipe.labels == ("noise", "under_exposed", "compression_artefacts", "low_quality")
    assert targets(recipe, {}).tolist() == [0, 0, 0, 0]
    assert targets(recipe, {"gaussian_noise": 5, "jpeg": 50}).tolist() == [0, 0, 0, 0], "mild is no damage"
    assert targets(recipe, {"gaussian_noise": 15, "under_exposed": 2}).tolist() == [0.5, 0.5, 0, 0.75]
    assert targets(recipe, {"jpeg": 95}).tolist() == [0, 0, 1, 1]
    hidden = targets(recipe, {"gaussian_noise": 25, "jpeg": 70})
    assert np.isnan(hidden[0])
    assert hidden[1:].tolist() == [0, 0.5, 1]


def test_versions_to_measure_are_the_same_every_time_and_come_again_cropped(recipe):
    from models.images.versions import measured_versions

    one, two = (list(measured_versions(recipe, "x", scene(1), False)) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) and a.strengths == b.strengths for a, b in zip(one, two, strict=True))
    whole, cropped = one[: len(one) // 2], one[len(one) // 2 :]
    assert not any(version.cropped for version in whole)
    assert np.array_equal(whole[0].pixels, scene(1))
    for before, after in zip(whole, cropped, strict=True):
        height, width = after.pixels.shape[:2]
        assert (after.cropped, after.strengths) == (True, before.strengths)
        assert height % 8 or width % 8
        assert np.array_equal(after.pixels, before.pixels[-height:, -width:])
    drawing = list(measured_versions(recipe, "x", scene(1), True))
    assert {version.kind for version in drawing} == {"fine"}


def test_a_stem_sees_where_steps_lie_in_a_cell():
    import torch

    from models.images.stem import CELL, CellStem

    stem = CellStem(3, 4).eval()
    blocks = torch.zeros(1, 3, 32, 48)
    blocks[..., 24:] = 1  # one step, at the border of two cells
    seen = stem(blocks)
    assert seen.shape == (1, stem.width, 4, 6)
    by_column = seen[0, :CELL, 0]
    assert by_column.argmax(0)[2] == CELL - 1
    assert (by_column[:, 2] > by_column[:, 3].max()).sum() == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"damages": {"fire": {"label": "burnt", "mild": 0, "strong": 1}}}, "fire"),
        ({"damages": {"jpeg": {"label": "jpeg", "mild": 9, "strong": 3}}}, "strong"),
        ({"overall": "noise"}, "overall"),
        ({"must_beat": ["beauty"]}, "beauty"),
        ({"image": {"size": [32, 32], "mean": [0, 0, 0], "std": [1, 1, 1]}}, "tiles"),
        ({"image": {"size": [32, 32], "tiles": {"count": 1}}}, "image.mean and image.std are missing"),
        ({"backbone": {"name": "x", "licence": "x"}}, "model_type"),
        ({"image": {"size": [30, 32], "mean": [0] * 3, "std": [1] * 3, "tiles": {"count": 1}}}, "multiples of 8"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_recipe_names_the_file_and_the_field(document, tmp_path, change, says):
    with pytest.raises(ConfigError, match=says) as stopped:
        recipe_of({**document, **change}, tmp_path)
    assert stopped.value.file == str(tmp_path / "tiny.yaml")


def test_photographs_are_split_once_and_near_copies_are_dropped(recipe, photographs, tmp_path):
    from models.images.photographs import SPLITS, prepare
    from models.rows import read_rows

    Image.fromarray(scene(4)).resize((150, 150)).save(photographs / "made" / "scene-4-again.jpg", quality=80)
    prepare(recipe, photographs, tmp_path / "rows")
    splits = {name: [row["id"] for row in read_rows(tmp_path / "rows", name)] for name in SPLITS}
    every = [name for names in splits.values() for name in names]
    assert len(every) == len(set(every)) == 12
    assert (len(splits["dev"]), len(splits["held_out"])) == (2, 3)
    [pair] = json.loads((tmp_path / "rows" / "leakage.json").read_text())["near_copies"]
    assert set(pair) == {"scene-4", "scene-4-again"}
    prepare(recipe, photographs, tmp_path / "again")
    assert {name: [row["id"] for row in read_rows(tmp_path / "again", name)] for name in SPLITS} == splits


def test_what_is_not_there_stops_with_its_name(document, photographs, tmp_path):
    from models.images.photographs import prepare

    with pytest.raises(ConfigError, match="no folder"):
        prepare(recipe_of(document, tmp_path), tmp_path / "nowhere", tmp_path / "rows")
    document["photographs"]["leave_out"] = ["scene-99"]
    with pytest.raises(ConfigError, match="scene-99"):
        prepare(recipe_of(document, tmp_path), photographs, tmp_path / "rows")


def test_batches_are_the_same_whenever_asked_and_differ_by_epoch(recipe, photographs, tmp_path):
    from models.images.finetune import DamageTask
    from models.images.photographs import prepare

    prepare(recipe, photographs, tmp_path / "rows")
    one, two = (DamageTask(recipe, tmp_path / "rows") for _ in range(2))
    assert one.batches(1) == two.batches(1) != one.batches(0)
    two.made(two.batches(0)[0])
    (tiles, wanted), (same, _), (others, _) = (
        task.made(task.batches(e)[0]) for task, e in ((one, 1), (two, 1), (one, 2))
    )
    assert (tiles.shape, wanted.shape) == ((32, 32, 32, 6), (32, 3))
    assert np.array_equal(tiles, same)
    assert not np.array_equal(tiles, others)


@pytest.mark.parametrize(("label", "kind"), [
    ("blurred", "defocus"), ("compression_artefacts", "jpeg"), ("noise", "gaussian_noise"),
    ("under_exposed", "under_exposed"), ("over_exposed", "over_exposed"),
])  # fmt: skip
def test_the_numbers_to_beat_are_worth_beating(label, kind):
    from models.images.baselines import NUMBERS, numbers
    from models.images.damage import damage

    original = scene(3, 256)
    damaged = damage(original, {kind: STRENGTHS[kind][2]}, np.random.default_rng(1))
    for (of, name, _), before, after in zip(NUMBERS, numbers(original), numbers(damaged), strict=True):
        assert of != label or after > before, name


def test_a_lead_is_sure_only_when_photographs_agree():
    from models.images.compare import auroc, compare, detection

    chance = np.random.default_rng(1)
    positive = np.tile([False, True], 60)
    photographs = np.repeat(np.arange(12), 10)
    good, bad = positive + chance.normal(0, 0.1, 120), positive + chance.normal(0, 3, 120)
    found = compare({"model": good, "bad": bad, "same": good.copy()}, positive, photographs, 1)
    assert found["model"]["auroc"] == [1, 1, 1]
    assert found["bad"]["auroc_lead"][1] > 0.1
    assert found["same"]["auroc_lead"] == [0, 0, 0]
    assert auroc(np.array([1.0, 1, 2, 3]), np.array([False, True, False, True])) == pytest.approx(0.625)
    assert detection(np.arange(100.0), np.arange(100) >= 80) == 1
    assert np.isnan(auroc(good, np.zeros(120, bool)))


def test_the_chain_makes_a_bundle_that_the_product_runs(recipe, photographs, tmp_path, monkeypatch):
    from models.images import compare
    from models.images.damage import damage
    from models.images.publish import publish
    from models.train import main

    monkeypatch.setattr(compare, "RESAMPLES", 50)
    said = [str(tmp_path / "tiny.yaml"), "--data", str(photographs), "--out", str(tmp_path / "out")]
    main(said)
    bundle = load_bundle(str(tmp_path / "out" / "bundles" / "tiny-image" / "0.1.0"))
    assert bundle.labels == ("noise", "under_exposed", "low_quality")
    assert set(bundle.calibration) == set(bundle.labels)
    assert bundle.manifest.image is not None
    assert (bundle.manifest.image.mean, bundle.manifest.image.shape) == (None, (32, 32, 6)), "the graph normalises"
    assert bundle.manifest.metrics["under_exposed"]["among_all"]["model"]["auroc"][0] > 0.8
    classifier = Classifier(bundle, make_engine("onnxruntime", cores=1))
    original = scene(77, 160)
    dark = damage(original, {"under_exposed": 3}, np.random.default_rng(1))
    pictures = [Picture("image/png", p.shape[1], p.shape[0], 1, p) for p in (original, dark, original[:20, :50])]
    together = [{s.label: s.score for s in result} for result in classifier.score(pictures)]
    assert together[1]["under_exposed"] > together[0]["under_exposed"]
    for picture, seen in zip(pictures, together, strict=True):
        alone = {s.label: s.score for s in classifier.score([picture])[0]}
        assert alone == pytest.approx(seen, abs=1e-5), "neighbours change nothing"
    with pytest.raises(ConfigError, match="never changes"):
        publish(recipe, tmp_path / "out" / "model", tmp_path / "out" / "bundles")
    hard = recipe.model_copy(update={"must_beat": ("under_exposed",), "version": "0.2.0"})
    evaluation = json.loads((tmp_path / "out" / "model" / "evaluation.json").read_text())
    evaluation["metrics"]["under_exposed"]["among_all"]["mean luma"]["auroc_lead"] = [0.01, -0.001, 0.02]
    (tmp_path / "out" / "model" / "evaluation.json").write_text(json.dumps(evaluation))
    with pytest.raises(ConfigError, match="not surely better than"):
        publish(hard, tmp_path / "out" / "model", tmp_path / "out" / "bundles")
    assert [path.name for path in (tmp_path / "out" / "bundles" / "tiny-image").iterdir()] == ["0.1.0"]
