"""The bundle that ships: whole, small, with the labels of the contract, calm on ordinary writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import screening
from models.recipe import RecipeHead
from models.text.batches import cutter
from models.text.score import FittedForm, HeadCalibration, OnnxModel, score
from screening.classifiers import Classifier, find_bundles, load_bundle, make_engine
from screening.content import Text

BUNDLES = Path(screening.__file__).parent / "bundles"
LABELS = {"normal", "offensive", "hate", "sexism", "harassment", "threat", "sexual", "self_harm"}
LABELS |= {"spam", "clickbait", "unreliable_style"}
ORDINARY: dict[str, str] = yaml.safe_load(Path(__file__).with_name("ordinary.yaml").read_text(encoding="utf-8"))
LONG = "\n\n".join(ORDINARY.values())


@pytest.fixture(scope="module")
def folder() -> Path:
    (bundle,) = [b for b in find_bundles(str(BUNDLES)) if b.id.name == "text-screen"]
    return bundle.folder


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=1))


@pytest.fixture(scope="module")
def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "bundle.json").read_text())


def scores(classifier: Classifier, *texts: str) -> list[dict[str, float]]:
    results = classifier.score([Text(t) for t in texts])
    assert all(isinstance(r, list) for r in results)
    return [{s.label: s.score for s in r} for r in results if isinstance(r, list)]


def test_every_label_of_the_contract_has_a_calibration(classifier: Classifier) -> None:
    assert set(classifier.bundle.labels) == set(classifier.bundle.calibration) == LABELS


def test_it_is_small_and_says_what_it_is_made_of(folder: Path, record: dict[str, Any]) -> None:
    assert sum(p.stat().st_size for p in BUNDLES.rglob("*") if p.is_file()) < 30_000_000
    assert record["base_model"]["licence"] == "Apache-2.0"
    assert all(d["licence"] and d["rows"] + d["dev_rows"] > 0 for d in record["training_data"])
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.index("Out of domain") < card.index("## Heads")
    for head in record["heads"]:
        assert f"{record['metrics'][head['name']]['auroc']:.3f}" in card


def test_tables_rise_in_threshold_and_fall_in_recall(folder: Path) -> None:
    for label, table in json.loads((folder / "calibration.json").read_text()).items():
        thresholds, recall = np.array(table["thresholds"]), np.array(table["recall"])
        assert len(thresholds) == len(recall) == len(table["precision"]) > 50, label
        assert (np.diff(thresholds) > 0).all(), label
        assert (np.diff(recall) <= 0).all(), label
        assert recall[0] > 0.99, label
        assert 0 < table["positives"] < table["rows"], label


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_writing_is_left_alone(name: str, classifier: Classifier) -> None:
    (found,) = scores(classifier, ORDINARY[name])
    del found["normal"]
    assert max(found.values()) < 0.5, found


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("spam", "WINNER!! You have won a 1000 pound prize. To claim call 09061701461 now. Valid 12 hours only."),
        (
            "spam",
            "Subject: cheap software online. Buy Windows and Office at 80 % off, order today at http://soft.example",
        ),
        ("sexism", "Women are too stupid to drive, they should stay in the kitchen where they belong."),
        ("spam", "Hey guys check out my channel and subscribe, I give away free phones every week!!"),
        ("threat", "I know where you live, and tomorrow I will come and kill you and your whole family."),
        ("harassment", "You are a pathetic worthless idiot, nobody can stand you, delete your account."),
        ("self_harm", "I don't want to live any more. Tonight I will take all my pills and end my life."),
        ("sexual", "She took off her clothes and they had sex on the kitchen table, moaning loudly."),
        ("clickbait", "21 Things You Will Only Understand If You Grew Up With Three Sisters"),
    ],
)
def test_what_is_plain_to_see_is_seen(label: str, text: str, classifier: Classifier) -> None:
    assert scores(classifier, text)[0][label] > 0.5


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("hate", "Nobody should ever say that immigrants are vermin. They are our neighbours and friends."),
        ("self_harm", "If you think of suicide, call the helpline. Somebody is there for you day and night."),
        ("sexual", "The clinic offers free breast cancer screening and advice on contraception from March."),
        ("threat", "The court sentenced a man to two years because he had threatened to kill the mayor."),
        ("spam", "hey, are we still on for dinner tonight? I got the tickets for free from work"),
    ],
)
def test_what_only_speaks_of_it_is_let_pass(label: str, text: str, classifier: Classifier) -> None:
    assert scores(classifier, text)[0][label] < 0.5


def test_plain_hostility_is_not_normal(classifier: Classifier) -> None:
    hostile, kind = scores(
        classifier, "All Muslims are vermin and should be wiped out.", "Muslims live in this street too."
    )
    assert hostile["normal"] < 0.2
    assert hostile["hate"] > 0.5
    assert kind["hate"] < 0.2


def test_neighbours_do_not_change_a_score(classifier: Classifier) -> None:
    texts = ["Hello.", LONG, *ORDINARY.values()]
    together = scores(classifier, *texts)
    for text, found in zip(texts, together, strict=True):
        assert scores(classifier, text)[0] == pytest.approx(found, abs=1e-5)


@pytest.mark.slow
def test_training_and_screening_score_alike(folder: Path, record: dict[str, Any], classifier: Classifier) -> None:
    fields = ("name", "kind", "labels", "unit", "pool")
    heads = [RecipeHead.model_validate({k: h[k] for k in fields if k in h}) for h in record["heads"]]
    texts = ["Hello.", LONG]
    model, tokenizer = (
        OnnxModel(folder / "model.onnx", heads, threads=1, in_float=True),
        cutter(folder, record["text"]["max_tokens"], record["text"]["overlap"]),
    )
    found = score(model, tokenizer, texts)
    assert len(found.owner) > 10
    screened = scores(classifier, *texts)
    for head, said in zip(heads, record["heads"], strict=True):
        form = {k: tuple(v) for k, v in said.get("surface", {}).items() if k != "features"}
        calibration = HeadCalibration(
            tuple(said["calibration"]["scale"]),
            tuple(said["calibration"]["shift"]),
            FittedForm(**form) if form else None,
            said.get("discount", 0.0),
        )
        pooled = found.pooled(head, calibration)
        for row, one in zip(pooled, screened, strict=True):
            assert dict(zip(head.labels, row, strict=True)) == pytest.approx({x: one[x] for x in head.labels}, abs=1e-5)
