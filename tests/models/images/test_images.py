"""Photographs never cross splits, a bad recipe is refused, and the chain makes a bundle that the product runs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.content import Picture
from screening.errors import ConfigError
from tests.models.images.conftest import recipe_of, scene

pytestmark = pytest.mark.train


def test_a_stem_sees_where_steps_lie_in_a_cell():
    import torch

    from models.images.recipe import CELL
    from models.images.stem import CellStem

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
    from models.images.photographs import SPLITS, prepare_photographs
    from models.rows import read_rows

    Image.fromarray(scene(4)).resize((150, 150)).save(photographs / "made" / "scene-4-again.jpg", quality=80)
    prepare_photographs(recipe, photographs, tmp_path / "rows")
    splits = {name: [row["id"] for row in read_rows(tmp_path / "rows", name)] for name in SPLITS}
    every = [name for names in splits.values() for name in names]
    assert len(every) == len(set(every)) == 12
    assert (len(splits["dev"]), len(splits["held_out"])) == (2, 3)
    [pair] = json.loads((tmp_path / "rows" / "leakage.json").read_text())["near_copies"]
    assert set(pair) == {"scene-4", "scene-4-again"}
    prepare_photographs(recipe, photographs, tmp_path / "again")
    assert {name: [row["id"] for row in read_rows(tmp_path / "again", name)] for name in SPLITS} == splits


def test_what_is_not_there_stops_with_its_name(document, photographs, tmp_path):
    from models.images.photographs import prepare_photographs

    with pytest.raises(ConfigError, match="no folder"):
        prepare_photographs(recipe_of(document, tmp_path), tmp_path / "nowhere", tmp_path / "rows")
    document["photographs"]["leave_out"] = ["scene-99"]
    with pytest.raises(ConfigError, match="scene-99"):
        prepare_photographs(recipe_of(document, tmp_path), photographs, tmp_path / "rows")


def test_batches_are_the_same_whenever_asked_and_differ_by_epoch(recipe, photographs, tmp_path):
    from models.images.finetune import DamageTask
    from models.images.photographs import prepare_photographs

    prepare_photographs(recipe, photographs, tmp_path / "rows")
    one, two = (DamageTask(recipe, tmp_path / "rows") for _ in range(2))
    assert one.batches(1) == two.batches(1) != one.batches(0)
    two.made(two.batches(0)[0])
    (tiles, wanted), (same, _), (others, _) = (
        task.made(task.batches(e)[0]) for task, e in ((one, 1), (two, 1), (one, 2))
    )
    assert (tiles.shape, wanted.shape) == ((32, 32, 32, 6), (32, 3))
    assert np.array_equal(tiles, same)
    assert not np.array_equal(tiles, others)


def test_a_lead_is_sure_only_when_photographs_agree():
    from models.images.compare import auroc, compare_scorers, detection

    chance = np.random.default_rng(1)
    positive = np.tile([False, True], 60)
    photographs = np.repeat(np.arange(12), 10)
    good, bad = positive + chance.normal(0, 0.1, 120), positive + chance.normal(0, 3, 120)
    found = compare_scorers({"model": good, "bad": bad, "same": good.copy()}, positive, photographs, 1)
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

    # Of twelve photographs no number of resamples gives a useful interval.
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
    pictures = [Picture(p.shape[1], p.shape[0], p) for p in (original, dark, original[:20, :50])]
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
