"""The steps that screen pieces and commit the run. Their elements are small: tallies, and facts about written files."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipelines import beam
from pipelines.job import PIECES, REPEATS, TALLIES, Job, Tally
from pipelines.launch.counters import NAMESPACE
from pipelines.launch.logs import tell
from pipelines.listing import repeats
from pipelines.listing.shards import PIECE, chunks
from pipelines.listing.since import AGAIN
from pipelines.pieces import key
from pipelines.worker import Worker
from screening.records import DECISIONS, Run, Upload
from screening.report import write_report
from screening.tables import (
    NOTHING,
    Part,
    ReconcileError,
    ResultTables,
    add_keys,
    metrics_of,
    sandbox_of,
    upload_key,
)

log = logging.getLogger(__name__)

BUFFER = PIECE  # uploads (about 300 bytes of facts each) that are screened and written as one file


class ScreenUploads(beam.DoFn):
    """Screen pieces of the input and write Parquet files of verdicts; emit facts about each file, and tallies.

    Listing, reading, decoding and scoring stay inside this step, so uploads and contents never become elements of the
    pipeline. Uploads that already have a verdict for their generation and the run's fingerprint are skipped.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shared = beam.Shared()
        self._worker: Worker | None = None
        self._uploads: list[Upload] = []

    def setup(self) -> None:
        # One worker serves all threads of a process, since models are large and use every core.
        self._worker = self._shared.acquire(lambda: Worker(self._job))

    def teardown(self) -> None:
        self._worker = None

    def start_bundle(self) -> None:
        self._uploads = []

    def process(self, element: tuple[str, Mapping[str, Iterable[Any]]]) -> Iterator[object]:
        without = repeats.places(element[1][REPEATS])
        for piece in element[1][PIECES]:
            for uploads in chunks(piece.uploads(without), BUFFER):
                yield self._take(self._new(uploads))
                while len(self._uploads) >= BUFFER:
                    yield self._screen()
            yield beam.TaggedOutput(TALLIES, Tally(owed=-key(piece)))

    def finish_bundle(self) -> Iterator[beam.WindowedValue]:
        if self._uploads:
            yield beam.at_the_end(self._screen())

    def _new(self, uploads: list[Upload]) -> list[Upload]:
        """Return the uploads that `--since` keeps; the others count as not listed."""
        kept = list(filter(self._job.since.keeps, uploads))
        if older := len(uploads) - len(kept):
            beam.count(NAMESPACE, "older", older)
        self._job.progress.screened(len(uploads) - len(kept))
        return kept

    def _take(self, uploads: list[Upload]) -> beam.TaggedOutput[str, Tally]:
        assert self._worker is not None
        uris = [upload.uri for upload in uploads]
        known = self._worker.decided.between(min(uris), max(uris)) if uris else NOTHING
        todo = [upload for upload in uploads if (upload.uri, upload.generation) not in known.decided]
        # An upload from a manifest that could not be looked up is stored with generation 0.
        again = sum(bool({(each.uri, each.generation), (each.uri, 0)} & known.failed) for each in todo)
        self._job.signs.leave()
        self._uploads += todo
        self._job.progress.screened(len(uploads) - len(todo))
        keys = add_keys(upload_key(upload.uri, upload.generation) for upload in todo)
        return beam.TaggedOutput(TALLIES, Tally(len(uploads), len(uploads) - len(todo), keys, again=again))

    def _screen(self) -> Part:
        assert self._worker is not None
        uploads, self._uploads = self._uploads[:BUFFER], self._uploads[BUFFER:]
        uploads.sort(key=lambda upload: upload.uri)
        part = self._worker.screen(uploads)
        log.info("part", extra={"run_id": self._job.run_id, "rows": part.rows})
        return part


class CommitRun(beam.DoFn):
    """Commit the whole run at once, or not at all: the ledger must account for every upload that was listed."""

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
            metrics={**metrics_of(parts), **job.since.metrics, AGAIN: sum(tally.again for tally in tallies)},
            sandbox=sandbox_of(parts),
        )
        if add_keys(tally.owed for tally in tallies):
            raise ReconcileError(f"run {run_id}: a piece of the input was lost or was done twice")
        run = ResultTables(job.results).commit_run(run, parts, add_keys(tally.keys for tally in tallies))
        counts = {decision: getattr(run, decision) for decision in DECISIONS}
        tell("committed", run_id=run_id, **counts, error_share=round(run.error / max(1, sum(counts.values())), 4))
        yield run


class WriteReport(beam.DoFn):
    """Write the report of a committed run, if no launcher waits to write it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, run: Run) -> None:
        write_report(ResultTables(self._job.results), run.run_id)
