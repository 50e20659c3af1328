"""A target becomes the least strict threshold that keeps it on the calibration rows, or it is impossible."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from screening.policy.thresholds import MIN_ROWS, Impossible, for_precision, for_recall
from tests.screening.policy.conftest import HATE, Table


def table_of(scored: list[tuple[float, bool]]) -> Table:
    """The whole calibration table of scored rows."""
    positives = sum(positive for _, positive in scored)
    levels = sorted({score for score, _ in scored})
    flagged = [[positive for score, positive in scored if score >= level] for level in levels]
    return Table(
        positives,
        tuple(levels),
        tuple(sum(each) / len(each) for each in flagged),
        tuple(sum(each) / positives for each in flagged),
    )


def test_targets_on_a_plain_table():
    assert for_precision(HATE, 0.80) == 0.5
    assert for_precision(HATE, 0.81) == 0.7
    assert for_precision(HATE, 0.01) == 0.1
    assert for_recall(HATE, 0.85) == 0.5
    assert for_recall(HATE, 0.86) == 0.3
    assert for_recall(HATE, 1.0) == 0.1


def test_a_lucky_dip_of_a_noisy_curve_is_never_taken():
    noisy = Table(200, (0.1, 0.3, 0.5, 0.7), (0.5, 0.95, 0.8, 0.97), (1.0, 0.9, 0.8, 0.5))
    assert for_precision(noisy, 0.9) == 0.7


def test_a_handful_of_rows_at_the_top_says_nothing():
    """One wrong row among the highest scores neither forbids a target nor meets it."""
    wrong_at_the_top = Table(200, (0.1, 0.5, 0.99), (0.5, 0.95, 0.5), (1.0, 0.8, 0.005))
    assert for_precision(wrong_at_the_top, 0.9) == 0.5
    right_at_the_top = Table(200, (0.1, 0.5, 0.99), (0.5, 0.8, 1.0), (1.0, 0.8, 0.1))
    with pytest.raises(Impossible, match="out of reach") as caught:
        for_precision(right_at_the_top, 0.9)
    assert caught.value.best == "the best it holds is 0.8"


def test_thresholds_that_flag_nothing_are_no_precision():
    empty_end = Table(200, (0.1, 0.5, 1.0), (0.5, 0.95, 0.0), (1.0, 0.8, 0.0))
    assert for_precision(empty_end, 0.9) == 0.5
    with pytest.raises(Impossible, match="no threshold flags 30"):
        for_precision(Table(0, (0.5,), (0.0,), (0.0,)), 0.5)


def test_out_of_reach_says_what_is_in_reach():
    with pytest.raises(Impossible) as caught:
        for_recall(Table(100, (0.4, 0.6), (0.5, 0.6), (0.8676, 0.5)), 0.9)
    assert caught.value.best == "the best is 0.867"


def test_the_row_that_set_a_threshold_is_still_flagged():
    for value in (0.8730000257492065, 0.9999999403953552, 1.0, 0.1):
        table = Table(100, (value,), (0.95,), (0.9,))
        assert value - 1e-9 <= for_precision(table, 0.9) <= value
        assert for_recall(table, 0.9) <= value


ROWS = st.lists(st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.booleans()), min_size=40, max_size=120)


@given(ROWS, st.sampled_from((0.3, 0.5, 0.7, 0.9)))
def test_what_is_flagged_keeps_the_target(scored, target):
    assume(sum(positive for _, positive in scored) >= MIN_ROWS)
    try:
        threshold = for_precision(table_of(scored), target)
    except Impossible:
        levels = {score for score, _ in scored}
        assert any(
            len(each) >= MIN_ROWS and sum(each) / len(each) < target
            for level in levels
            if (each := [positive for score, positive in scored if score >= level])
        )
    else:
        flagged = [positive for score, positive in scored if score >= threshold]
        assert sum(flagged) / len(flagged) >= target
    threshold = for_recall(table_of(scored), target)
    positives = [score for score, positive in scored if positive]
    assert sum(score >= threshold for score in positives) / len(positives) >= target
    higher = [score for score, _ in scored if score > threshold + 1e-8]
    if higher:
        assert sum(score >= min(higher) for score in positives) / len(positives) < target


@given(ROWS, st.sampled_from((0.2, 0.4, 0.6)))
def test_a_stricter_target_is_never_a_lower_threshold(scored, target):
    assume(sum(positive for _, positive in scored) >= MIN_ROWS)
    table = table_of(scored)
    try:
        strict = for_precision(table, target + 0.2)
    except Impossible:
        return
    assert for_precision(table, target) <= strict
    assert for_recall(table, target) >= for_recall(table, target + 0.2)
