"""The steps of the jobs. Elements are small: an upload's URI and facts, a tally, a file's name and counts."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.counters import Counters
from pipelines.listing import chunks, list_uploads
from pipelines.progress import Progress
from pipelines.watchdog import Signs
from screening.meter import since
from screening.records import DECISIONS, Run, Upload, Verdict
from screening.report import write_report
from screening.screener import Screener
from screening.settings import Settings
from screening.tables import Part, ResultTables, add_keys, metrics_of, upload_key

log = logging.getLogger(__name__)

TALLIES = "tallies"
BUFFER = 4096  # uploads (URIs and facts, some 300 bytes each) screened and written as one file


@dataclass(frozen=True, slots=True)
class Job:
    """One run of `pipelines.screen`, as its workers need it."""

    run_id: str
    source: str
    results: str
    started_at: datetime
    settings: Settings
    progress: Progress
    cores: int = 0  # for each worker process; 0: all that it may use
    reuse: bool = False  # scores of the same bytes
    accelerator: str = ""  # of the step that classifies, on Dataflow
    unattended: bool = False  # the launcher ends first, so the job writes the report
    signs: Signs = Signs()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many uploads a piece of the listing saw and how many of them it left out."""

    listed: int = 0
    skipped: int = 0
    keys: int = 0  # of those to be screened, see `upload_key`


class ListUploads(beam.DoFn):
    """Lists the input in order and emits what has no verdict yet for its generation and fingerprint."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, source: str) -> Iterator[object]:
        tables = ResultTables(self._job.results)
        fingerprint = self._job.settings.fingerprint.digest
        for chunk in chunks(list_uploads(source)):
            uris = [upload.uri for upload in chunk]
            decided = tables.decided(min(uris), max(uris), fingerprint)
            todo = [upload for upload in chunk if (upload.uri, upload.generation) not in decided]
            self._job.progress.listed(len(todo))
            self._job.signs.leave()
            keys = add_keys(upload_key(upload.uri, upload.generation) for upload in todo)
            yield beam.pvalue.TaggedOutput(TALLIES, Tally(len(chunk), len(chunk) - len(todo), keys))
            yield from todo


class DropRepeats(beam.DoFn):
    """Keeps one of the entries that a manifest repeats; the others were never uploads of their own."""

    def process(self, element: tuple[str, Iterable[Upload]]) -> Iterator[object]:
        first, *others = sorted(element[1], key=lambda upload: (-upload.generation, sorted(upload.metadata.items())))
        if others:
            keys = -add_keys(upload_key(upload.uri, upload.generation) for upload in others)
            yield beam.pvalue.TaggedOutput(TALLIES, Tally(listed=-len(others), keys=keys))
        yield first


class Worker:
    """A process's screener, what it counts, and a name by which its parts are told from those of others."""

    def __init__(self, job: Job) -> None:
        self.id = uuid.uuid4().hex
        self.screener = Screener(job.settings, job.run_id, cores=job.cores, reuse=job.results if job.reuse else "")
        self.counters = Counters(self.screener.meter)


class ScreenUploads(beam.DoFn):
    """Uploads in, a Parquet file of verdicts out: what is emitted is the file's name and counts.

    Reading, decoding and scoring stay inside this step, so contents never become elements of the pipeline.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shared = Shared()
        self._worker: Worker | None = None
        self._uploads: list[Upload] = []

    def setup(self) -> None:
        # One a process, however many threads the engine runs in it: models are large and use every core.
        self._worker = self._shared.acquire(lambda: Worker(self._job))

    def teardown(self) -> None:
        self._worker = None

    def start_bundle(self) -> None:
        self._uploads = []

    def process(self, upload: Upload) -> Iterator[Part]:
        self._uploads.append(upload)
        if len(self._uploads) >= BUFFER:
            yield self._screen()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._uploads:
            yield WindowedValue(self._screen(), GlobalWindow().max_timestamp(), [GlobalWindow()])

    def _screen(self) -> Part:
        assert self._worker is not None
        uploads, self._uploads = sorted(self._uploads, key=lambda upload: upload.uri), []
        screener, counters = self._worker.screener, self._worker.counters
        waited = 0.0

        def told(verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
            nonlocal waited
            while True:
                asked = time.perf_counter()
                verdict = next(verdicts, None)
                waited += time.perf_counter() - asked
                if verdict is None:
                    return
                self._job.progress.screened(1)
                self._job.signs.leave()
                counters.tell(now=False)
                yield verdict

        with screener.lock:
            before, start = counters.read(), time.perf_counter()
            with screener.meter.busy("screening"):
                part = ResultTables(self._job.results).write_part(self._job.run_id, told(screener.screen(uploads)))
            screener.meter.add("ms.write", 1000 * (time.perf_counter() - start - waited))
            found = counters.read()
            counters.tell()
        log.info("part", extra={"run_id": self._job.run_id, "rows": part.rows})
        models = found.get("models_loaded", 0)
        return replace(part, metrics=since(before, found), worker=self._worker.id, models=models)


class CommitRun(beam.DoFn):
    """One commit for the whole run, or none: the ledger must account for every upload that was listed."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, run_id: str, parts: Iterable[Part], tallies: Iterable[Tally]) -> Iterator[Run]:
        job, parts, tallies = self._job, list(parts), list(tallies)
        run = Run(
            run_id=run_id,
            input=job.source,
            listed=sum(tally.listed for tally in tallies),
            skipped=sum(tally.skipped for tally in tallies),
            **{decision: sum(part.counts[decision] for part in parts) for decision in DECISIONS},
            fingerprint=job.settings.fingerprint.digest,
            policy=job.settings.policy.digest,
            started_at=job.started_at,
            committed_at=job.started_at,  # set by the commit
            metrics=metrics_of(parts),
        )
        yield ResultTables(job.results).commit_run(run, parts, add_keys(tally.keys for tally in tallies))


class WriteReport(beam.DoFn):
    """The report of a run that is committed, where no launcher waits to write it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, run: Run) -> None:
        write_report(ResultTables(self._job.results), run.run_id)
