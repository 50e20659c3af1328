"""Histograms of scores: their axes, and their shapes in SVG coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from screening.records import Threshold

BINS = 40
WIDTH, HEIGHT = 320.0, 80.0  # of the plot, in SVG units


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of scores; `log` spreads the small scores of natural units (words, pixels) by ln(1 + score - low)."""

    low: float
    high: float
    log: bool

    def place(self, score: float) -> float:
        """Return where a score lies on the axis, from 0 to 1."""
        share = (
            math.log1p(max(0.0, score - self.low)) / math.log1p(self.high - self.low)
            if self.log
            else (score - self.low) / (self.high - self.low)
        )
        return min(1.0, max(0.0, share))


def axis_for(source: str, low: float, high: float, thresholds: Sequence[float]) -> Axis:
    """Return the axis of a label: 0 to 1 for probabilities and shares, else one that holds 0, scores and thresholds."""
    least, most = min(low, *thresholds, 0.0), max(high, *thresholds, 0.0)
    if not source.startswith("check/") or (least >= 0 and most <= 1):
        return Axis(0.0, 1.0, False)
    return Axis(least, most * 1.1 or 1.0, most - least > 50)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How the scores of one label are distributed, and the levels that the policy sets on it."""

    source: str
    label: str
    axis: Axis
    bins: tuple[int, ...]
    thresholds: tuple[Threshold, ...]

    @property
    def count(self) -> int:
        """The number of scores."""
        return sum(self.bins)

    @property
    def bars(self) -> list[tuple[float, float, float, float]]:
        """The x, y, width and height of each bar; heights are logarithmic, so that a few scores stay visible."""
        most = math.log1p(max(self.bins, default=0)) or 1.0
        step = WIDTH / BINS
        heights = [HEIGHT * math.log1p(count) / most for count in self.bins]
        return [
            (round(i * step, 2), round(HEIGHT - height, 2), round(step - 1, 2), round(height, 2))
            for i, height in enumerate(heights)
            if height
        ]

    @property
    def levels(self) -> list[tuple[str, float, float, float, Threshold]]:
        """For each threshold its level, the x of its line, the x and width of its worse side, and the threshold."""
        made: list[tuple[str, float, float, float, Threshold]] = []
        for threshold in sorted(self.thresholds, key=lambda each: each.level, reverse=True):
            x = round(self.axis.place(threshold.score) * WIDTH, 2)
            left, width = (x, WIDTH - x) if threshold.worse == "high" else (0.0, x)
            made.append((threshold.level, x, left, round(width, 2), threshold))
        return made

    @property
    def words(self) -> str:
        """The histogram in words, for someone who can't see it."""
        levels = ", ".join(f"{each.level} at {each.score:.4g}" for each in self.thresholds) or "no level"
        return f"{self.label}: {self.count} scores from {self.axis.low:.4g} to {self.axis.high:.4g}; {levels}"
