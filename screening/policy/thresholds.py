"""Resolve targets to thresholds, with the calibration table that a bundle ships."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from screening.errors import ScreeningError
from screening.records import GENRES, Genre

# With fewer flagged rows (for precision) or positives (for recall), a share is noise: even 30 rows without a mistake
# only say "less than 10 % wrong" (the rule of three, 95 %).
MIN_ROWS = 30
MIN_HELD = 3  # harmless texts that a threshold holds


class HarmlessLike(Protocol):
    """The highest scores, falling, of so many harmless texts of one genre (`rows`)."""

    @property
    def rows(self) -> int: ...
    @property
    def highest(self) -> Sequence[float]: ...


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
    @property
    def harmless(self) -> Mapping[Genre, HarmlessLike]: ...


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


def for_held(table: CalibrationLike, share: float, genres: Sequence[Genre]) -> dict[Genre, float]:
    """Return, for each genre, the lowest threshold that at most a share of its harmless texts reach.

    A genre without harmless texts of its own gets the lowest threshold of the others, so it holds more rather than
    less. Raises Impossible.
    """
    counted = [genre for genre in GENRES if genre in table.harmless]
    if not counted:
        raise Impossible("no harmless texts to count", "give a score instead")
    if set(genres) <= set(counted):  # else the lowest of all decides for the others
        counted = [genre for genre in counted if genre in genres]
    found = {genre: _held(table.harmless[genre], share, genre) for genre in counted}
    lowest = min(found.values())
    return {genre: found.get(genre, lowest) for genre in genres}


def _held(texts: HarmlessLike, share: float, genre: Genre) -> float:
    """A share that fewer than `MIN_HELD` texts make is not resolved: the next one may be very different."""
    may = math.floor(share * texts.rows)
    if may < MIN_HELD:
        least = f"the least is {math.ceil(1000 * MIN_HELD / texts.rows)} per 1000"
        raise Impossible(f"{1000 * share:g} per 1000 of {texts.rows} harmless texts ({genre}) are too few", least)
    if may >= len(texts.highest):
        most = f"the most is {math.floor(1000 * (len(texts.highest) - 1) / texts.rows)} per 1000"
        raise Impossible(f"{1000 * share:g} per 1000 ({genre}) is beyond the scores that the bundle keeps", most)
    if texts.highest[may] > 1 - 1e-6:
        raise Impossible(f"more than {may} harmless texts ({genre}) score as high as any", "give a score instead")
    return math.nextafter(texts.highest[may], math.inf)


def held(texts: HarmlessLike, threshold: float) -> tuple[float, float, float]:
    """Return the share of harmless texts that reach a threshold, and its 95 % interval (Wilson 1927)."""
    count, rows = sum(score >= threshold for score in texts.highest), texts.rows
    share, z = count / rows, 1.96
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return share, max(0.0, middle - half), min(1.0, middle + half)


def _flagged(positives: int, precision: float, recall: float) -> float:
    return round(positives * recall / precision) if precision > 0 else 0.0


def _settled(threshold: float) -> float:
    """Round down at the ninth decimal, far below the step of a float32 score, so that the table's row still counts."""
    return math.floor(threshold * 1e9) / 1e9


def _down(share: float) -> str:
    return f"{math.floor(share * 1000) / 1000:g}"
