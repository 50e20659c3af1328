"""What a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from screening.records import Medium


@dataclass(frozen=True, slots=True)
class Check:
    """One quality check: `function` scores in `unit`, and `worse` says which end of the scale is bad.

    The label of its signal is `name`. Raise `version` whenever the same content may get another score.
    """

    name: str
    version: int
    medium: Medium
    unit: str
    worse: Literal["high", "low"]
    function: Callable[[Any], float]

    @property
    def source(self) -> str:
        """The source of its signals."""
        return f"check/{self.name}@{self.version}"
