"""A meter's numbers as Beam's counters for an engine's own pages: the same names, in the namespace `screening`."""

from __future__ import annotations

import time

from pipelines import beam
from screening.meter import RETRIES, Meter, Numbers, since, summed

NAMESPACE = "screening"
EVERY = 1.0  # second, between two looks while uploads are screened


class Counters:
    """Adds to the counters what a meter and this process's stores counted since the last time; one a meter.

    Call it only from inside a step, and from one thread at a time. Unlike the ledger's, these numbers also hold what
    was done for a piece of work that failed and was done again.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._told: Numbers = RETRIES.read()
        self._next = 0.0

    def read(self) -> Numbers:
        """All numbers as they stand."""
        return summed([self._meter.read(), RETRIES.read()])

    def tell(self, *, now: bool = True) -> None:
        """Add what is new; at most once a second unless `now`."""
        if now or time.monotonic() >= self._next:
            found = self.read()
            for name, number in since(self._told, found).items():
                beam.count(NAMESPACE, name, number)
            self._told, self._next = found, time.monotonic() + EVERY
