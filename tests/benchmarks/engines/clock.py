"""What a run costs: seconds of the wall clock and of the processor; their median and spread over rounds."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar

T = TypeVar("T")
Clock = Literal["wall", "cpu"]


class Cost(NamedTuple):
    """Seconds. Those of the processor, of all threads and ended children, hardly change when a machine is shared."""

    wall: float
    cpu: float


def timed(run: Callable[[], T]) -> tuple[Cost, T]:
    """What `run` costs and gives."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    found = run()
    return Cost(time.perf_counter() - wall, sum(os.times()[:4]) - cpu), found


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Median, lowest and highest."""
    three = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return {name: round(value, digits) for name, value in three.items()}


def ratios(above: Sequence[Cost], below: Sequence[Cost]) -> dict[str, dict[str, float]]:
    """One cost over another, round by round, on each clock."""
    pairs = list(zip(above, below, strict=True))
    return {
        "wall": spread([a.wall / b.wall for a, b in pairs], 3),
        "cpu": spread([a.cpu / b.cpu for a, b in pairs], 3),
    }
