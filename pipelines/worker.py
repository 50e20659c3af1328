"""A worker process: its screener, and the numbers about what it screens and writes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Generic, TypeVar

from pipelines.job import Job
from pipelines.launch.counters import Counters
from screening.decode import Decoder
from screening.meter import since
from screening.records import Upload, Verdict
from screening.screener import Screener, screener
from screening.tables import Part, ResultTables

T = TypeVar("T")

_checked: dict[str, Decoder] = {}  # by run, from this process's launcher for the worker that it runs in this process


@contextmanager
def checked_decoder(job: Job) -> Iterator[None]:
    """Check that decoders work on this machine, and keep one for the worker if it is in this process.

    To start a decoder takes about a second. Raises ConfigError if none works, before the block begins.
    """
    with screener.make_decoder(job.settings, job.cores, job.sandbox) as decoder:
        decoder.check()
        _checked[job.run_id] = decoder
        try:
            yield
        finally:
            _checked.pop(job.run_id, None)


class Waited(Generic[T]):
    """An iterator that measures how many seconds its caller waited for items."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self.seconds = 0.0

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        asked = time.perf_counter()
        try:
            return next(self._items)
        finally:
            self.seconds += time.perf_counter() - asked


class Worker:
    """A process's screener and counters, what is decided already, and an `id` for the parts that it writes."""

    def __init__(self, job: Job) -> None:
        self.id = uuid.uuid4().hex
        self._job = job
        reuse = job.results if job.reuse else ""
        decoder = _checked.pop(job.run_id, None)
        self._screener = Screener(
            job.settings, job.run_id, cores=job.cores, reuse=reuse, sandbox=job.sandbox, decoder=decoder
        )
        self._counters = Counters(self._screener.meter)
        self.decided = ResultTables(job.results).decided(job.settings.fingerprint.digest)

    def screen(self, uploads: Sequence[Upload]) -> Part:
        """Screen the uploads, write their verdicts as one file, and return the facts and metrics of that file.

        Only one thread of a process does this at a time, since the models use every core.
        """
        with self._screener.lock:
            before = self._counters.read()
            part = self._write(uploads)
            now = self._counters.read()
            self._counters.tell()
        models, sandbox = now.get("models_loaded", 0), self._screener.sandbox
        return replace(part, metrics=since(before, now), worker=self.id, models=models, sandbox=sandbox)

    def _write(self, uploads: Sequence[Upload]) -> Part:
        """Write verdicts as they arrive; the time spent writing is the total less the waiting for verdicts."""
        meter, verdicts = self._screener.meter, Waited(self._screener.screen(uploads))
        start = time.perf_counter()
        with meter.busy("screening"):
            part = ResultTables(self._job.results).write_part(self._job.run_id, self._shown(verdicts))
        meter.add("ms.write", 1000 * (time.perf_counter() - start - verdicts.seconds))
        return part

    def _shown(self, verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
        """Yield the verdicts, and report progress after each."""
        for verdict in verdicts:
            self._job.progress.screened(1)
            self._job.signs.leave()
            self._counters.tell(now=False)
            yield verdict
