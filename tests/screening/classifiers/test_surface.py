"""The form of a text: what its features count, and how a bundle may let them move a pooled score."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.surface import FEATURES, LIMIT, formed, surface
from screening.content import Text
from screening.errors import ConfigError
from tests.screening.classifiers.tiny import text_bundle


def features(text: str) -> dict[str, float]:
    return dict(zip(FEATURES, surface(text), strict=True))


def test_what_is_counted() -> None:
    found = features('SHOCKING news! Is it true? "No, no," he said in 2016.')
    assert found["words"] == pytest.approx(math.log1p(11))
    assert found["sentence"] == pytest.approx(math.log1p(11 / 3))
    assert found["upper"] == pytest.approx(10 / 32)
    assert found["shouted"] == pytest.approx(1 / 11)
    assert found["exclamations"] == found["questions"] == pytest.approx(1 / 11)
    assert found["quotes"] == found["commas"] == pytest.approx(2 / 11)
    assert found["digits"] == pytest.approx(4 / 11)


@given(st.text(max_size=300))
def test_any_text_has_finite_features(text: str) -> None:
    assert np.isfinite(surface(text)).all()


# Nearer 1, a float has too few digits for its logit.
@given(st.lists(st.floats(-1e9, 1e9), min_size=9, max_size=9), st.floats(0, 0.999))
def test_no_feature_counts_for_more_than_its_limit(form: list[float], pooled: float) -> None:
    (p,) = formed(np.array([pooled]), np.array([form]), np.ones(9), np.zeros(9), np.ones(9))
    held = max(pooled, 1e-9)
    assert abs(math.log(p / (1 - p)) - math.log(held / (1 - held))) <= 9 * LIMIT + 0.1


FORM = {"features": ["exclamations", "words"], "centre": [0.0, 0.0], "spread": [0.1, 1.0], "weight": [1.5, 0.0]}


def with_form(folder: Path, head: int = 1, **changes: Any) -> Path:
    text_bundle(folder)
    record = json.loads((folder / "bundle.json").read_text())
    record["heads"][head]["surface"] = {**FORM, **changes}
    (folder / "bundle.json").write_text(json.dumps(record))
    return folder


def spam(folder: Path, *texts: str) -> list[float]:
    results = Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=1)).score([Text(t) for t in texts])
    return [next(s.score for s in r if s.label == "spam") for r in results if isinstance(r, list)]


def test_a_head_sees_the_form_of_the_whole_text_whatever_its_windows(tmp_path: Path) -> None:
    plain, formed_bundle = text_bundle(tmp_path / "plain"), with_form(tmp_path / "formed")
    texts = ["news weather", "news weather!", "win " * 60 + "!" * 30]
    before, after = spam(plain, *texts), spam(formed_bundle, *texts)
    for text, p, q in zip(texts, before, after, strict=True):
        count = len(text.replace("!", "").split())
        moved = 1.5 * min(text.count("!") / count / 0.1, LIMIT)
        assert math.log(q / (1 - q)) == pytest.approx(math.log(p / (1 - p)) + moved, abs=1e-4)
    assert spam(formed_bundle, texts[2]) == pytest.approx([after[2]], abs=1e-6)


@pytest.mark.parametrize(
    ("head", "changes", "told"),
    [
        (0, {}, "one label"),
        (1, {"features": ["exclamations", "charm"]}, "surface"),
        (1, {"weight": [1.0]}, "one centre, spread and weight per feature"),
        (1, {"spread": [0.0, 1.0]}, "spread"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(head: int, changes: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        load_bundle(str(with_form(tmp_path / "bundle", head, **changes)))
