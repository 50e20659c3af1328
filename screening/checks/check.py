"""The definition of a quality check."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from screening.records import Evidence, Medium, Signal

# The least and the greatest score in each unit.
RANGES: Mapping[str, tuple[float, float]] = {
    "words": (0, math.inf),
    "pixels": (0, math.inf),
    "share": (0, 1),
    "ratio": (0, 1),
    "grey level": (0, 255),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One quality check: `function` scores in `unit`, and `worse` says which end of the scale is bad.

    The label of its signal is `name`; `note`, if given, returns words for the evidence. Raise `version` whenever the
    same content may get a different score.
    """

    name: str
    version: int
    medium: Medium
    unit: str
    worse: Literal["high", "low"]
    function: Callable[[Any], float]
    note: Callable[[Any], str] | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest possible score."""
        return RANGES[self.unit]

    @property
    def source(self) -> str:
        """The source of its signals."""
        return f"check/{self.name}@{self.version}"

    def is_worse(self, score: float, other: float) -> bool:
        """Return whether a score is worse than another one; one that is not finite is worse than all that are."""
        if not (math.isfinite(score) and math.isfinite(other)):
            return math.isfinite(other)
        return score > other if self.worse == "high" else score < other

    def signal(self, view: Any) -> Signal:
        """Return the signal for a content, given as the `View` that all checks of its medium use."""
        evidence = Evidence(note=self.note(view)) if self.note else Evidence()
        return Signal(self.source, self.name, self.function(view), evidence)
