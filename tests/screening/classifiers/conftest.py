"""Classifiers of tiny bundles, of each form that a bundle may have, and contents for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.content import Picture, Text
from screening.errors import ConfigError, UploadError
from screening.hardware import ENGINES, PRECISIONS
from tests.screening.classifiers.tiny import image_bundle, text_bundle

TOLERANCE = 1e-6  # the promise is 1e-4; so small a model keeps far below it
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one property, two kinds of bundle
PLAIN = ((0, 0, 0), (1, 1, 1))  # mean and std


def engines_here() -> list[tuple[str, str]]:
    """Every engine and precision of this machine; int8 has tests of its own."""
    found = []
    for name in ENGINES[1:]:
        for precision in PRECISIONS[1:-1]:
            try:
                make_engine(name, precision)
            except ConfigError:
                continue
            found.append((name, precision))
    return found


def says(*texts: str) -> list[Text]:
    return [Text(text) for text in texts]


def colour(red: int, green: int = 0, blue: int = 0) -> Picture:
    return Picture(20, 10, np.full((10, 20, 3), (red, green, blue), np.uint8))


def noise(height: int, width: int, seed: int) -> Picture:
    """A picture of which no two are alike, its contrast low or high, all of it dark or light."""
    chance = np.random.default_rng(seed)
    low, high = sorted(chance.integers(0, 256, 2))
    return Picture(width, height, chance.integers(low, high + 1, (height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Classifier:
    return Classifier(
        load_bundle(str(text_bundle(tmp_path_factory.mktemp("text")))), make_engine("onnxruntime", cores=2)
    )


@pytest.fixture(scope="module")
def by_sentence(tmp_path_factory) -> Classifier:
    """The same, but its head `hate` is about sentences."""
    folder = text_bundle(tmp_path_factory.mktemp("by-sentence"), by_sentence=True)
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Classifier:
    """Windows so long that several lengths share one padded length."""
    folder = text_bundle(tmp_path_factory.mktemp("wide"), text={"max_tokens": 64, "overlap": 8})
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Classifier:
    return Classifier(
        load_bundle(str(image_bundle(tmp_path_factory.mktemp("image")))), make_engine("onnxruntime", cores=2)
    )


@pytest.fixture(scope="module")
def tiled(tmp_path_factory) -> Classifier:
    """Four tiles of 8 × 8, pooled by their mean, each beside the whole picture."""
    plan = {"size": [8, 8], "mean": [0, 0, 0], "std": [1, 1, 1], "tiles": {"count": 4, "beside_whole": True}}
    head = {"name": "colour", "kind": "multilabel", "labels": ["red", "rest"], "output": "logits", "pool": "mean"}
    folder = image_bundle(tmp_path_factory.mktemp("tiled"), 6, image=plan, heads=[head])
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def uint8(tmp_path_factory) -> Classifier:
    """The same, fed pictures as they are."""
    folder = image_bundle(tmp_path_factory.mktemp("uint8"), uint8=PLAIN)
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def uint8_tiled(tmp_path_factory) -> Classifier:
    plan = {"size": [8, 8], "tiles": {"count": 4, "beside_whole": True}}
    head = {"name": "colour", "kind": "multilabel", "labels": ["red", "rest"], "output": "logits", "pool": "mean"}
    folder = image_bundle(tmp_path_factory.mktemp("uint8-tiled"), 6, uint8=PLAIN, image=plan, heads=[head])
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


def scores(result) -> dict[str, float]:
    assert not isinstance(result, UploadError), result
    return {signal.label: signal.score for signal in result}
