"""Targets to thresholds, on the calibration table that a bundle ships."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from screening.errors import ScreeningError

# Flagged rows (precision) or positives (recall) below which a share is noise: 30 rows with no mistake among
# them still only say "under 10 % wrong" (the rule of three, 95 %).
MIN_ROWS = 30


class CalibrationLike(Protocol):
    """Precision and recall of one label on held-out rows, when flagging every score ≥ threshold (ascending)."""

    @property
    def positives(self) -> int: ...
    @property
    def thresholds(self) -> Sequence[float]: ...
    @property
    def precision(self) -> Sequence[float]: ...
    @property
    def recall(self) -> Sequence[float]: ...


class Impossible(ScreeningError):
    """No threshold of the table meets the target; `best` says what it can do."""

    def __init__(self, what: str, best: str) -> None:
        super().__init__(what)
        self.best = best


def for_precision(table: CalibrationLike, target: float) -> float:
    """The lowest threshold from which on precision stays at or above `target`.

    "Stays" means at every higher threshold of the table that still flags 30 rows, so a lucky dip in the middle
    of a noisy curve is never taken; above that the curve is a handful of rows and says nothing. Raises
    Impossible.
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
    """The highest threshold at which recall is still at or above `target`. Raises Impossible."""
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
    """Rounded down at the ninth decimal: far below a float32 score's own step, so the table's row still counts."""
    return math.floor(threshold * 1e9) / 1e9


def _down(share: float) -> str:
    return f"{math.floor(share * 1000) / 1000:g}"
