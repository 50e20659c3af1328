"""The index is a distance, and its interval holds the truth as often as it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from screening.drift.psi import BINS, cdf, edges, interval, merge, psi

counts = arrays.arrays(np.int64, 6, elements=st.integers(0, 10_000)).filter(lambda found: found.sum() > 0)


@given(counts, counts)
def test_it_is_never_negative_and_the_same_both_ways(one, other):
    assert psi(one, other) >= 0
    assert psi(one, other) == pytest.approx(psi(other, one))


@given(counts, st.integers(1, 50))
def test_the_same_shares_are_no_shift_whatever_the_number_of_rows(one, times):
    assert psi(one, one) == 0
    if one.all():
        assert psi(one, one * times) == pytest.approx(0, abs=1e-12)


@given(counts, st.integers(0, 5), st.integers(0, 5), st.integers(1, 1000))
def test_it_rises_with_what_moves_from_a_bin_to_another(one, source, target, moved):
    assume(source != target)
    one = one + 1 + 2 * moved * (np.arange(6) == source)
    step = moved * ((np.arange(6) == target).astype(np.int64) - (np.arange(6) == source))
    assert 0 < psi(one, one + step) < psi(one, one + 2 * step)


@given(counts, counts)
def test_merging_loses_no_row_and_makes_nothing_of_nothing(one, other):
    groups = merge(one, other)
    assert groups[0].start == 0
    assert groups[-1].stop == 6
    assert all(left.stop == right.start for left, right in pairwise(groups))
    merged = [np.array([side[group].sum() for group in groups]) for side in (one, other)]
    assert psi(*merged) <= psi(one, other) + 1e-9 or not (one.all() and other.all())
    if len(groups) > 1:
        smaller = min(one.sum(), other.sum()) / (one.sum() + other.sum())
        assert min(merged[0] + merged[1]) * smaller >= 5 - 1e-9


def test_a_bin_that_was_empty_counts_as_half_a_row():
    one, other = np.array([50, 50, 0]), np.array([40, 40, 20])
    assert psi(one, other) == pytest.approx(psi(np.array([101, 101, 1]), np.array([81, 81, 41])))


@given(st.lists(st.integers(-5, 5), min_size=BINS - 1, max_size=BINS - 1), st.integers(0, 5))
def test_edges_rise_and_a_value_that_is_tied_has_a_bin_of_its_own(places, below):
    cuts = sorted(map(float, places))
    found = edges(cuts, cuts[0] - below)
    assert (np.diff(found) > 0).all()
    for value in {cut for cut in cuts if cuts.count(cut) > 1} | ({cuts[0]} if below == 0 else set()):
        at = np.searchsorted(found, value)
        assert at != np.searchsorted(found, np.nextafter(value, np.inf))
        assert at != np.searchsorted(found, np.nextafter(value, -np.inf))


@pytest.mark.parametrize("freedom", [1, 2, 5, 9, 19])
@pytest.mark.parametrize("noncentrality", [0.0, 0.5, 5.0, 100.0, 20_000.0])
def test_the_distribution_is_that_of_the_books(freedom, noncentrality):
    stats = pytest.importorskip("scipy.stats")
    books = stats.ncx2(freedom, noncentrality) if noncentrality else stats.chi2(freedom)
    for share in (0.001, 0.025, 0.5, 0.9, 0.975, 0.999, 0.99999):
        found = cdf(books.ppf(share), freedom, noncentrality)
        assert found == pytest.approx(share, abs=0.015)
        assert 1 - found >= 0.7 * (1 - share), "a tail that is taken for too thin would alarm too often"


def test_more_rows_make_the_interval_narrower_and_more_certainty_wider():
    few, many = interval(0.5, (100, 100), 10), interval(0.5, (10_000, 10_000), 10)
    assert few.low < many.low < 0.5 < many.high < few.high
    sure = interval(0.5, (100, 100), 10, doubt=0.001)
    assert sure.low < few.low
    assert few.high < sure.high


def test_a_match_too_good_to_be_true_proves_nothing():
    found = interval(0.0, (100, 100), 10)
    assert found.low == 0
    assert found.high > 0.1


def draw(rng: np.random.Generator, rows: int, shift: float, atom: bool) -> np.ndarray:
    scores = rng.normal(shift, 1, rows)
    return np.maximum(scores, 0.5) if atom else scores


@pytest.mark.slow
@pytest.mark.parametrize("atom", [False, True], ids=["plain", "two in three are tied"])
@pytest.mark.parametrize("rows", [(50, 50), (100, 1000), (2000, 2000)], ids=str)
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_interval_holds_the_truth_as_often_as_it_says(atom, rows, shift):
    """Of 400 comparisons the interval of 95 % may miss in 9 of 100; noise alone hardly ever passes the bound."""
    rng = np.random.default_rng(7)
    whole = [np.sort(draw(rng, 200_000, at, atom)) for at in (0.0, shift)]
    missed = alarms = 0
    for _ in range(400):
        samples = [draw(rng, number, at, atom) for number, at in zip(rows, (0.0, shift), strict=True)]
        cuts = edges(np.quantile(samples[0], np.arange(1, BINS) / BINS, method="inverted_cdf"), samples[0].min())

        binned = [
            np.diff([0, *np.searchsorted(scores, cuts, side="right"), len(scores)])
            for scores in (*map(np.sort, samples), *whole)
        ]
        groups = merge(*binned[:2])
        sides = [np.array([side[group].sum() for group in groups]) for side in binned]
        found = interval(psi(sides[0], sides[1]), rows, len(groups))
        missed += not found.low <= psi(sides[2], sides[3]) <= found.high
        alarms += found.low > 0.2
    assert missed / 400 < 0.09
    if shift == 0:
        assert alarms <= 1
    if shift == 1.0 and min(rows) >= 100:
        assert alarms > 300
