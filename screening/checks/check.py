"""What a check is."""

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

    The label of its signal is `name`; `note`, where there is one, adds words to its evidence. Raise `version` whenever
    the same content may get another score.
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
        """The least and the greatest score that there can be."""
        return RANGES[self.unit]

    @property
    def source(self) -> str:
        """The source of its signals."""
        return f"check/{self.name}@{self.version}"

    def signal(self, view: Any) -> Signal:
        """What it says of a content, as the checks of its medium look at it."""
        evidence = Evidence(note=self.note(view)) if self.note else Evidence()
        return Signal(self.source, self.name, self.function(view), evidence)
