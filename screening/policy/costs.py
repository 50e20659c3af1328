"""Say what the levels of a policy cost people: how many harmless uploads they hold, by genre, and what they find."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from screening.policy.rules import Policy
from screening.policy.signals import BundleLike
from screening.policy.thresholds import CalibrationLike, held
from screening.records import GENRES, Genre, Threshold


@dataclass(frozen=True, slots=True)
class Cost:
    """What one level costs in one genre, as shares of the bundle's calibration rows.

    `held` is the share of the `rows` harmless texts of the genre that reach it, with its 95 % interval from `least` to
    `most`. A share that is not counted, since the bundle does not keep so many scores, is at least `held`. `found` is
    the share of bad texts that reach it, of any genre; None if the level is beyond the table.
    """

    threshold: Threshold
    genre: Genre
    held: float
    least: float
    most: float
    rows: int
    found: float | None


def costs(policy: Policy, bundles: Iterable[BundleLike]) -> Iterator[Cost]:
    """Yield the cost of each level on a label whose bundle has the scores of harmless texts, in the policy's order."""
    tables = {
        (f"bundle/{bundle.id.name}@{bundle.id.version}", label): table
        for bundle in bundles
        for label, table in bundle.calibration.items()
    }
    for rule in policy.rules:
        table = tables.get((rule.source, rule.label))
        if table is None:
            continue
        for level in rule.levels:
            for genre in GENRES:
                if genre in table.harmless and genre in (level.genres or GENRES):
                    texts = table.harmless[genre]
                    yield Cost(level, genre, *held(texts, level.score), texts.rows, _found(table, level.score))


def _found(table: CalibrationLike, score: float) -> float | None:
    place = bisect_left(table.thresholds, score)
    return table.recall[place] if place < len(table.recall) else None
