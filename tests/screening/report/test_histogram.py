"""A histogram has an axis that suits the unit of its scores, and each score in its bin."""

from __future__ import annotations

import pytest

from screening.records import Threshold
from screening.report.histogram import BINS, Axis, Histogram, axis_for

SHORT = Threshold("quality", "too_short", "review", "low", 50, "score: 50")


def test_a_histogram_puts_every_score_in_the_bin_below_its_place() -> None:
    for axis in (Axis(0, 1, False), Axis(0, 5000, True), Axis(-2, 2, False)):
        places = [axis.place(axis.low), axis.place(axis.high), axis.place(axis.high * 2)]
        assert places == [0.0, 1.0, 1.0]
        assert axis.place(axis.low + 0.1) < axis.place(axis.low + 0.2)
    plot = Histogram("check/x@1", "x", Axis(0, 100, False), (5,) + (0,) * (BINS - 2) + (500,), (SHORT,))
    (first, last) = plot.bars
    assert first[0] == 0
    assert last[3] == 80
    assert 0 < first[3] < last[3]
    assert plot.levels[0][1:4] == (160.0, 0.0, 160.0)


@pytest.mark.parametrize(
    ("source", "low", "high", "levels", "axis"),
    [
        ("bundle/b@1/h", 0.2, 0.4, [0.9], Axis(0, 1, False)),
        ("check/share@1", 0.0, 0.7, [0.5], Axis(0, 1, False)),
        ("check/words@1", 3, 1000, [20], Axis(0, 1100, True)),
        ("check/few@1", 3, 10, [20], Axis(0, 22, False)),
    ],
)
def test_an_axis_suits_its_unit(source, low, high, levels, axis) -> None:
    found = axis_for(source, low, high, levels)
    assert (found.low, found.log) == (axis.low, axis.log)
    assert found.high == pytest.approx(axis.high)
