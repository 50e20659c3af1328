"""Show a meter's numbers on an engine's own pages, as Beam counters of the same names in the namespace `screening`."""

from __future__ import annotations

import time

from pipelines import beam
from screening.meter import RETRIES, Meter, Numbers, since, summed

NAMESPACE = "screening"
EVERY = 1.0  # seconds between two updates while uploads are screened


class Counters:
    """Add to Beam's counters what a meter and this process's stores have counted since the last time. One per meter.

    Call it only inside a step, and from one thread at a time. Unlike the numbers in the ledger, these also include work
    that failed and was repeated.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._told: Numbers = RETRIES.read()
        self._next = 0.0

    def read(self) -> Numbers:
        """Return all current numbers."""
        return summed([self._meter.read(), RETRIES.read()])

    def tell(self, *, now: bool = True) -> None:
        """Add the new counts to Beam's counters, at most once a second unless `now` is true."""
        if now or time.monotonic() >= self._next:
            found = self.read()
            for name, number in since(self._told, found).items():
                beam.count(NAMESPACE, name, number)
            self._told, self._next = found, time.monotonic() + EVERY
