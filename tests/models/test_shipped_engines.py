"""The bundle that ships on every engine and precision of this machine: near fp32, unmoved by neighbours."""

from __future__ import annotations

import random
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml

import screening
from screening.classifiers import Bundle, Classifier, find_bundles, make_engine
from screening.content import Text
from screening.errors import ConfigError
from screening.hardware import ENGINES, PRECISIONS

ORDINARY: dict[str, str] = yaml.safe_load(Path(__file__).with_name("ordinary.yaml").read_text(encoding="utf-8"))
HOSTILE = (
    "WINNER!! You have won a 1000 pound prize. To claim call 09061701461 now. Valid 12 hours only.",
    "All Muslims are vermin and should be wiped out.",
    "I know where you live, and tomorrow I will come and kill you and your whole family.",
    "21 Things You Will Only Understand If You Grew Up With Three Sisters",
)
TEXTS = [text[:size] for text in (*HOSTILE, *ORDINARY.values()) for size in (60, 400, 4000)]
# The largest difference to ONNX Runtime in fp32 that these texts may have.
NEAR = {"fp32": 1e-5, "bf16": 0.02, "fp16": 0.02, "int8": 0.1}


pytestmark = pytest.mark.slow


def bundle() -> Bundle:
    (found,) = find_bundles(str(Path(screening.__file__).parent / "bundles"))
    return found


CHOICES = pytest.mark.parametrize(("name", "precision"), list(product(ENGINES[1:], PRECISIONS[1:])))


@cache
def loaded(name: str, precision: str) -> Classifier:
    """The bundle on an engine; skips what can't be loaded here."""
    try:
        return Classifier(bundle(), make_engine(name, precision))
    except ConfigError as error:
        pytest.skip(str(error))


def scores(classifier: Classifier, texts: list[str]) -> np.ndarray:
    results = classifier.score([Text(text) for text in texts])
    return np.array([[signal.score for signal in result] for result in results if isinstance(result, list)])


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    return scores(Classifier(bundle(), make_engine("onnxruntime", "fp32")), TEXTS)


def test_both_engines_of_a_cpu_are_tried():
    for name in ("onnxruntime", "openvino"):
        make_engine(name, "fp32").load(bundle())


@CHOICES
def test_scores_are_near_those_of_fp32(name, precision, exact):
    found = scores(loaded(name, precision), TEXTS)
    assert np.abs(found - exact).max() <= NEAR[precision]
    assert ((found >= 0.5) == (exact >= 0.5)).mean() >= 0.995


@CHOICES
def test_neighbours_and_order_move_no_score_beyond_the_tolerance(name, precision):
    classifier = loaded(name, precision)
    together = scores(classifier, TEXTS)
    order = random.Random(0).sample(range(len(TEXTS)), len(TEXTS))
    shuffled = np.concatenate(
        [scores(classifier, [TEXTS[i] for i in order[at : at + 7]]) for at in range(0, len(order), 7)]
    )
    assert np.abs(shuffled - together[order]).max() <= make_engine(name, precision).tolerance
