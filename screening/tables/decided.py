"""What already has a verdict, looked up by ranges of URIs: each opens only the files that may hold some of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from screening.tables import delta
from screening.tables.schema import VERDICTS

TRANSIENT_REASONS = ("read_failed",)  # an error verdict that another run may better: it isn't skipped


class Decided:
    """The verdicts of committed runs under one fingerprint, as of when this was made; threads may share it.

    Holds what the table's log says of each file that can matter, some 200 bytes; that is read once.
    """

    def __init__(self, uri: str, files: pa.Table | None, run_ids: Collection[str], fingerprint: str) -> None:
        self._uri = uri
        self._files = files
        if files is not None:
            ours = delta.overlapping(files, fingerprint, fingerprint, "fingerprint")
            committed = pa.array(sorted(run_ids), pa.string())
            alone = pc.fill_null(pc.equal(ours["min.run_id"], ours["max.run_id"]), False)
            counts = pc.or_(pc.invert(alone), pc.is_in(ours["min.run_id"], committed))
            self._files = ours.filter(counts).select(["path", "min.uri", "max.uri"]).combine_chunks()
            self._counts = (pc.field("fingerprint") == fingerprint) & pc.field("run_id").isin(committed)

    def between(self, first_uri: str, last_uri: str) -> set[tuple[str, int]]:
        """URI and generation of the uploads from `first_uri` to `last_uri` (both included) that need no other verdict.

        An error that another try may mend is none.
        """
        decided: set[tuple[str, int]] = set()
        for uri, generation, decision, reasons in self._rows(first_uri, last_uri):
            if decision != "error" or not set(reasons or ()) & set(TRANSIENT_REASONS):
                decided.add((uri, generation))
        return decided

    def _rows(self, first_uri: str, last_uri: str) -> list[tuple[Any, ...]]:
        if self._files is None or not (files := delta.overlapping(self._files, first_uri, last_uri)).num_rows:
            return []
        wanted = (pc.field("uri") >= first_uri) & (pc.field("uri") <= last_uri) & self._counts
        scanner: ds.Scanner = delta.fragments(self._uri, VERDICTS, files).scanner(
            columns=["uri", "generation", "decision", "reasons"], filter=wanted
        )
        return [
            row for batch in scanner.to_batches() for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)
        ]
