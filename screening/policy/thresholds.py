"""Resolve targets to thresholds, with the calibration table that a bundle ships."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from screening.errors import ScreeningError

# With fewer flagged rows (for precision) or positives (for recall), a share is noise: even 30 rows without a mistake
# only say "less than 10 % wrong" (the rule of three, 95 %).
MIN_ROWS = 30


class CalibrationLike(Protocol):
    """Precision and recall of one label on held-out rows if every score ≥ threshold is flagged, in ascending order."""

    @property
    def positives(self) -> int: ...
    @property
    def thresholds(self) -> Sequence[float]: ...
    @property
    def precision(self) -> Sequence[float]: ...
    @property
    def recall(self) -> Sequence[float]: ...


class Impossible(ScreeningError):
    """No threshold of the table meets the target; `best` says what can be met."""

    def __init__(self, what: str, best: str) -> None:
        super().__init__(what)
        self.best = best


def for_precision(table: CalibrationLike, target: float) -> float:
    """Return the lowest threshold from which precision stays at or above `target`. Raises Impossible.

    "Stays" means at every higher threshold of the table that still flags 30 rows, so that a lucky point in the middle
    of a noisy curve is never taken. Where fewer rows are flagged, the curve says nothing.
    """
    supported = [
        (threshold, precision)
        for threshold, precision, recall in zip(table.thresholds, table.precision, table.recall, strict=True)
        if _flagged(table.positives, precision, recall) >= MIN_ROWS
    ]
    found: float | None = None
    for threshold, precision in reversed(supported):
        if precision < target:
            break
        found = threshold
    if found is None:
        if not supported:
            raise Impossible(f"no threshold flags {MIN_ROWS} calibration rows", "give a score instead")
        best = max(min(each for _, each in supported[i:]) for i in range(len(supported)))
        raise Impossible(f"precision {target:g} is out of reach", f"the best it holds is {_down(best)}")
    return _settled(found)


def for_recall(table: CalibrationLike, target: float) -> float:
    """Return the highest threshold at which recall is still at or above `target`. Raises Impossible."""
    if table.positives < MIN_ROWS:
        raise Impossible(f"only {table.positives} positive calibration rows", "give a score instead")
    met = [each for each, recall in zip(table.thresholds, table.recall, strict=True) if recall >= target]
    if not met:
        best = max(table.recall, default=0.0)
        raise Impossible(f"recall {target:g} is out of reach", f"the best is {_down(best)}")
    return _settled(max(met))


def _flagged(positives: int, precision: float, recall: float) -> float:
    return round(positives * recall / precision) if precision > 0 else 0.0


def _settled(threshold: float) -> float:
    """Round down at the ninth decimal, far below the step of a float32 score, so that the table's row still counts."""
    return math.floor(threshold * 1e9) / 1e9


def _down(share: float) -> str:
    return f"{math.floor(share * 1000) / 1000:g}"
