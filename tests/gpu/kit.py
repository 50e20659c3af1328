"""What the parts of the kit share: where and how large they run, and the lines of the table that they give."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

SMALL = 0.1  # the scale below which untrained networks are tiny too
ENGINE = "cuda"  # also of a rehearsal, where the CPU stands in its place


@dataclass(frozen=True)
class Kit:
    """One run: `provider` is cuda, or cpu for a rehearsal; `scale` times the full sizes; `folder` is the part's own."""

    provider: Literal["cuda", "cpu"]
    scale: float
    folder: Path

    def number(self, full: int, least: int = 1) -> int:
        """How many of what a full run has so many of."""
        return max(least, round(full * self.scale))

    @property
    def is_rehearsal(self) -> bool:
        """Whether there is no GPU."""
        return self.provider == "cpu"


@dataclass(frozen=True)
class Line:
    """A line of the table. With `bar`, which says what was wanted, it is a check that `held` or did not."""

    what: str
    value: float
    unit: str = ""
    bar: str = ""
    held: bool = True


@dataclass
class Found:
    """What a part measured: lines for people, and whatever else belongs into the JSON."""

    lines: list[Line] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def measured(self, what: str, value: float, unit: str = "") -> None:
        """Add a figure that nothing depends on."""
        self.lines.append(Line(what, value, unit))

    def at_most(self, what: str, value: float, most: float, unit: str = "") -> None:
        """Add a check; a value that is no number does not hold."""
        self.lines.append(Line(what, value, unit, f"≤ {most:g}", value <= most))

    def at_least(self, what: str, value: float, least: float, unit: str = "") -> None:
        """Add a check; a value that is no number does not hold."""
        self.lines.append(Line(what, value, unit, f"≥ {least:g}", value >= least))

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"lines": [asdict(line) for line in self.lines], **self.more}


def sample(pool: Sequence[str], number: int) -> list[str]:
    """So many of the texts, the same ones each time, each again only when all were taken."""
    order = random.Random(0).sample(pool, len(pool))
    return [order[i % len(order)] for i in range(number)]
