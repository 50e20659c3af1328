"""Windows to the score of a content: what is pooled, by which weight, and that no content moves another's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.classifiers.manifest import Affine
from screening.classifiers.pooling import Pooling, calibrated


@dataclass(frozen=True)
class Made:
    numbers: list[int]
    weights: np.ndarray
    values: np.ndarray


@st.composite
def contents(draw: st.DrawFn) -> Made:
    numbers = draw(st.lists(st.integers(1, 12), min_size=1, max_size=20))
    chance = np.random.default_rng(draw(st.integers(0, 1000)))
    windows = sum(numbers)
    values = chance.random((windows, draw(st.integers(1, 4))))
    return Made(numbers, chance.integers(2, 257, windows), values)


def test_it_takes_the_worst_window_or_the_mean_by_weight() -> None:
    pooling = Pooling([2, 1], [30, 10, 5])
    p = np.array([[0.5, 0.1], [0.9, 0.0], [0.2, 0.3]])
    assert pooling.pooled("max", p).tolist() == [[0.9, 0.1], [0.2, 0.3]]
    assert pooling.pooled("mean", p) == pytest.approx(np.array([[0.6, 0.075], [0.2, 0.3]]))
    assert pooling.highest(p).tolist() == [[1, 0], [0, 0]]


def test_the_first_of_nearly_equal_windows_is_the_highest() -> None:
    assert Pooling([3], [1, 1, 1]).highest(np.array([[0.1], [0.5], [0.5 + 1e-9]])).tolist() == [[1]]


@given(contents(), st.sampled_from(["max", "mean"]))
def test_a_content_has_the_same_score_to_the_last_bit_alone_and_among_others(made: Made, pool) -> None:
    together = Pooling(made.numbers, made.weights).pooled(pool, made.values)
    first = 0
    for content, number in enumerate(made.numbers):
        rows = slice(first, first + number)
        alone = Pooling([number], made.weights[rows]).pooled(pool, made.values[rows])
        assert alone.tobytes() == together[[content]].tobytes()
        first += number


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_a_window_without_a_score_leaves_its_own_content_without_one(pool) -> None:
    pooled = Pooling([2, 1], [4, 4, 4]).pooled(pool, np.array([[0.5], [np.nan], [0.25]]))
    assert np.isnan(pooled[0, 0])
    assert pooled[1, 0] == 0.25


def test_logits_are_scaled_and_shifted_before_they_become_probabilities() -> None:
    z, how = np.array([[2.0, -1.0]], np.float32), Affine(scale=(0.5, 2.0), shift=(-1.0, 1.0))
    assert calibrated("multilabel", z, how) == pytest.approx(1 / (1 + np.exp(np.array([[0.0, 1.0]]))))
    both = calibrated("multiclass", z, how)
    assert both.sum() == pytest.approx(1)
    assert both[0, 0] / both[0, 1] == pytest.approx(np.e)
    assert calibrated("multilabel", z) == pytest.approx(1 / (1 + np.exp(-z)), abs=1e-7)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_no_score(strange: float) -> None:
    z = np.array([[strange, 0.0], [1.0, 0.0]])
    assert np.isnan(calibrated("multiclass", z)).tolist() == [[True, True], [False, False]]
    assert np.isnan(calibrated("multilabel", z)).tolist() == [[True, False], [False, False]]


def test_large_logits_are_sure_and_no_more() -> None:
    assert calibrated("multilabel", np.array([[1e6, -1e6]])).tolist() == [[1.0, pytest.approx(0)]]
    assert calibrated("multiclass", np.array([[1e6, -1e6]])).tolist() == [[1.0, 0.0]]
