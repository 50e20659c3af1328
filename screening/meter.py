"""What a process did, in numbers that add up: over threads, over parts, over workers. No shares: those don't add up.

Names are stable, in the tables and on an engine's pages; `pipelines/README.md` lists them with their units.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

Numbers = Mapping[str, int]


class Meter:
    """Adds up named numbers; threads may share it."""

    def __init__(self) -> None:
        self._numbers: dict[str, float] = defaultdict(float)
        self._inside = Counter[str]()
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, name: str, number: float = 1) -> None:
        """Add to a number."""
        with self._lock:
            self._numbers[name] += number

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of the block to `ms.NAME`, also when it raises; threads side by side count each."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(f"ms.{name}", 1000 * (time.perf_counter() - start))

    @contextmanager
    def busy(self, name: str) -> Iterator[None]:
        """Add to `wall_ms.NAME` the time in which at least one thread is in such a block."""
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
        """All numbers as they stand, each rounded: so differences of two readings don't pile up what rounding lost."""
        with self._lock:
            return {name: round(number) for name, number in self._numbers.items()}


RETRIES = Meter()  # of this process's stores, which know nothing of what they are asked for: `retries`


def since(before: Numbers, now: Numbers) -> dict[str, int]:
    """What was added between two readings; nothing that stayed."""
    grown = {name: number - before.get(name, 0) for name, number in now.items()}
    return {name: number for name, number in sorted(grown.items()) if number}


def summed(readings: Iterable[Numbers]) -> dict[str, int]:
    """The numbers of many readings, added up by name."""
    total = Counter[str]()
    for reading in readings:
        total.update(reading)
    return dict(sorted(total.items()))
