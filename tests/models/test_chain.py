"""The whole chain on 200 generated rows with a tiny random encoder: what it makes, the product can run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.recipe import load_recipe
from screening.classifiers import Classifier, load_bundle, make_engine
from screening.errors import ConfigError
from screening.records import Article

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("tiny_base")]


@pytest.fixture
def bundle_folder(recipe_file: Path, data: Path, tmp_path: Path) -> Path:
    from models.train import make_bundle

    return make_bundle(load_recipe(recipe_file), data, tmp_path / "out")


def scores(folder: Path, texts: list[str]) -> list[dict[str, float]]:
    results = Classifier(load_bundle(str(folder)), make_engine("cpu", 1)).score(
        [Article("text/plain", t) for t in texts]
    )
    return [{s.label: s.score for s in r} for r in results if isinstance(r, list)]


def test_the_chain_makes_a_bundle_that_tells_the_classes_apart(bundle_folder: Path) -> None:
    bundle = load_bundle(str(bundle_folder))
    assert bundle.labels == ("calm", "loud", "spam")
    assert set(bundle.calibration) == set(bundle.labels)
    good, bad = scores(
        bundle_folder, ["the river town library road school", "free prize click winner cash urgent claim"]
    )
    assert bad["spam"] > good["spam"]
    assert bad["loud"] > good["loud"]
    measured = json.loads((bundle_folder / "bundle.json").read_text())["metrics"]
    assert measured["spam"]["auroc"] > 0.8
    assert "floor" in measured["spam"]
    assert measured["export"]["against_fp32"]["spam"]["same_decision"] >= 0.995


def test_a_score_does_not_depend_on_its_neighbours(bundle_folder: Path) -> None:
    texts = ["free prize now", "the town council " * 40, "rain", "claim your bonus " * 9]
    alone = [scores(bundle_folder, [t])[0] for t in texts]
    for one, together in zip(alone, scores(bundle_folder, texts), strict=True):
        assert one == pytest.approx(together, abs=1e-6)


def test_training_again_gives_the_same_weights(recipe_file: Path, data: Path, tmp_path: Path) -> None:
    from models.finetune import read_rows, train
    from models.prepare import prepare

    recipe = load_recipe(recipe_file)
    prepare(recipe, data, tmp_path / "rows")
    rows = read_rows(tmp_path / "rows" / "train.jsonl")
    one, two = (train(recipe, rows, tmp_path / name, steps=5).state_dict() for name in ("one", "two"))
    assert all(np.array_equal(one[k].numpy(), two[k].numpy()) for k in one)


def test_a_published_version_is_never_written_over(bundle_folder: Path, recipe_file: Path, tmp_path: Path) -> None:
    from models.publish import publish

    before = (bundle_folder / "bundle.json").read_bytes()
    with pytest.raises(ConfigError, match="never changes"):
        publish(load_recipe(recipe_file), tmp_path / "out" / "model", tmp_path / "out" / "bundles")
    assert (bundle_folder / "bundle.json").read_bytes() == before
    assert [p.name for p in bundle_folder.parent.iterdir()] == ["0.1.0"]
