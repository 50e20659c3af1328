"""Count what a process does, in numbers that can be added up over threads, parts and workers (so there are no shares).

Their names are stable, in the tables and on an engine's pages. `pipelines/docs/operations.md` lists them with units.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

Numbers = Mapping[str, int]


class Meter:
    """Adds up named numbers. Threads may share it."""

    def __init__(self) -> None:
        self._numbers: dict[str, float] = defaultdict(float)
        self._inside = Counter[str]()
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, name: str, number: float = 1) -> None:
        """Add `number` to the number of this name."""
        with self._lock:
            self._numbers[name] += number

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to `ms.NAME`, even if it raises; parallel threads each add theirs."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(f"ms.{name}", 1000 * (time.perf_counter() - start))

    @contextmanager
    def busy(self, name: str) -> Iterator[None]:
        """Add to `wall_ms.NAME` the time during which at least one thread is in such a block."""
        with self._lock:
            if not self._inside[name]:
                self._since[name] = time.perf_counter()
            self._inside[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[name] -= 1
                if not self._inside[name]:
                    self._numbers[f"wall_ms.{name}"] += 1000 * (time.perf_counter() - self._since[name])

    def read(self) -> dict[str, int]:
        """Return all numbers, each rounded, so that differences between readings don't add up rounding errors."""
        with self._lock:
            return {name: round(number) for name, number in self._numbers.items()}


RETRIES = Meter()  # counts `retries` of all stores of this process, since a store does not know who uses it


def since(before: Numbers, now: Numbers) -> dict[str, int]:
    """Return what was added between two readings, without the numbers that did not change."""
    grown = {name: number - before.get(name, 0) for name, number in now.items()}
    return {name: number for name, number in sorted(grown.items()) if number}


def summed(readings: Iterable[Numbers]) -> dict[str, int]:
    """Return the numbers of many readings, added up by name."""
    total = Counter[str]()
    for reading in readings:
        total.update(reading)
    return dict(sorted(total.items()))
