"""Look up which uploads already have a verdict, by ranges of URIs. Only files that may hold the range are opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from screening.errors import CIRCUMSTANCES
from screening.tables.files import of_runs, overlapping
from screening.tables.scan import Files
from screening.tables.schema import VERDICTS

Key = tuple[str, int]  # URI and generation


class Found(NamedTuple):
    """Uploads that need no other verdict, and those that failed through no fault of theirs and are tried again."""

    decided: set[Key]
    failed: set[Key]


NOTHING = Found(set(), set())


class Decided:
    """The verdicts of committed runs with one fingerprint, as they were when this object was made.

    `run_ids` are in the order of their commits. Threads may share the object. It holds what the table's log says about
    each relevant file, about 200 bytes a file, and reads the log once.
    """

    def __init__(self, uri: str, files: pa.Table | None, run_ids: Sequence[str], fingerprint: str) -> None:
        self._uri = uri
        self._order = {run_id: place for place, run_id in enumerate(run_ids)}
        self._files = files
        if files is not None:
            committed = pa.array(run_ids, pa.string())
            ours = of_runs(overlapping(files, fingerprint, fingerprint, "fingerprint"), committed)
            self._files = ours.combine_chunks()
            self._counts = (pc.field("fingerprint") == fingerprint) & pc.field("run_id").isin(committed)

    def between(self, first_uri: str, last_uri: str) -> Found:
        """Return what is known of the uploads from `first_uri` to `last_uri` (inclusive), by their newest verdict."""
        newest: dict[Key, tuple[int, bool]] = {}
        for uri, generation, run_id, decision, reasons in self._rows(first_uri, last_uri):
            failed = decision == "error" and bool(reasons) and reasons[0] in CIRCUMSTANCES
            verdict = (self._order[run_id], failed)
            newest[uri, generation] = max(verdict, newest.get((uri, generation), verdict))
        failed_ones = {key for key, (_, failed) in newest.items() if failed}
        return Found(newest.keys() - failed_ones, failed_ones)

    def _rows(self, first_uri: str, last_uri: str) -> list[tuple[Any, ...]]:
        if self._files is None or not (files := overlapping(self._files, first_uri, last_uri)).num_rows:
            return []
        wanted = (pc.field("uri") >= first_uri) & (pc.field("uri") <= last_uri) & self._counts
        columns = ["uri", "generation", "run_id", "decision", "reasons"]
        scanner = Files(self._uri, VERDICTS, files).scanner(columns=columns, filter=wanted)
        return [
            row for batch in scanner.to_batches() for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)
        ]
