"""`ResultTables`: everything that is written under `--results`, each thing wholly or not at all.

A run is two commits: its verdicts, then its row in the ledger `runs`. The first decides (one `Transaction`
per run id, whoever comes second lands nothing) and carries the run's facts; the second makes it count, as
every reader joins on it. Should a committer die in between, the next one finishes the row from those facts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.transaction import AddAction, RemoveAction

from screening.errors import ConfigError, ScreeningError
from screening.records import DECISIONS, Release, Review, Run, Verdict
from screening.tables import delta
from screening.tables.parts import Part, add_action, add_keys, check_run_id, write_part
from screening.tables.schema import (
    SCHEMAS,
    VERDICTS,
    Row,
    flat_row,
    release_from,
    review_from,
    run_from,
    verdict_from,
)
from screening.tables.views import connect

TRANSIENT_REASONS = ("read_failed",)  # an error verdict that another run may better: it isn't skipped
_FACTS = "screening.run"  # in the verdict commit's metadata: the ledger row, and what `heal` returned


class ReconcileError(ScreeningError):
    """The run does not account for every upload: nothing was committed."""


def reconcile(run: Run, parts: Sequence[Part], keys: int | None = None) -> None:
    """Raises ReconcileError unless listed - skipped = sum of decisions = sum of rows, and says what differs.

    `keys` is the sum (`add_keys`) of the `upload_key`s of all uploads listed and not skipped, where known.
    """
    rows = sum(part.rows for part in parts)
    counted = {decision: sum(part.counts[decision] for part in parts) for decision in DECISIONS}
    claimed = {decision: getattr(run, decision) for decision in DECISIONS}
    if not run.reconciled:
        raise ReconcileError(
            f"run {run.run_id}: {run.listed} listed - {run.skipped} skipped, {sum(claimed.values())} decided"
        )
    if counted != claimed or rows != sum(claimed.values()):
        raise ReconcileError(f"run {run.run_id}: counted {claimed}, but {rows} rows written with {counted}")
    if keys is not None and keys != add_keys(part.keys for part in parts):
        raise ReconcileError(f"run {run.run_id}: the uploads decided are not the uploads listed")
    paths = [part.path for part in parts if part.rows]
    if len(set(paths)) != len(paths):
        raise ReconcileError(f"run {run.run_id}: a part is counted twice")


class ResultTables:
    """The tables under a results folder or `gs://` prefix; cheap to make; many processes may use them at once."""

    def __init__(self, uri: str) -> None:
        self.uri = delta.absolute(uri)
        self._opened: dict[str, DeltaTable] = {}

    def table_uri(self, name: str) -> str:
        """Where a table lies: `{results}/{name}`."""
        return f"{self.uri}/{name}"

    # -- writing -------------------------------------------------------------------------------------------

    def write_part(self, run_id: str, verdicts: Iterable[Verdict]) -> Part:
        """Writes one file of verdicts; see `parts.write_part`. Nothing counts until `commit_run`."""
        return write_part(self.table_uri("verdicts"), run_id, verdicts)

    def commit_run(self, run: Run, parts: Sequence[Part], keys: int | None = None) -> Run:
        """Commits the run's parts and its ledger row; returns the row that stands, maybe an earlier one.

        `committed_at` is set here. Raises ReconcileError (nothing committed) or TransientError (call again:
        it lands at most once).
        """
        check_run_id(run.run_id)
        settled = self.heal()
        if (standing := self.run(run.run_id)) is not None:
            return standing
        reconcile(run, parts, keys)
        run = replace(run, committed_at=datetime.now(UTC))
        written_ms = int(run.committed_at.timestamp() * 1000)
        filled = sorted((part for part in parts if part.rows), key=lambda part: part.path)
        actions: list[AddAction | RemoveAction] = [add_action(part, written_ms) for part in filled]

        def commit(table: DeltaTable, properties: CommitProperties) -> None:
            table.create_write_transaction(actions, "append", VERDICTS, commit_properties=properties)

        facts = json.dumps({"run": flat_row(run), "settled": settled}, default=datetime.isoformat)
        delta.commit_once(self.table_uri("verdicts"), VERDICTS, run.run_id, commit, {_FACTS: facts})
        self.heal()
        standing = self.run(run.run_id)
        assert standing is not None, "a committed run has its row"
        return standing

    def heal(self) -> int:
        """Writes the ledger rows that runs with committed verdicts still lack.

        Returns the version of `verdicts` up to which every run has its row (-1: no table). Each run's commit
        notes that version, so only the commits since then are looked at.
        """
        table = delta.load(self.table_uri("verdicts"))
        if table is None:
            return -1
        newest, settled = table.version(), -1
        known = self._run_ids()
        for version, info in delta.commits(self.table_uri("verdicts"), newest):
            if version <= settled:
                break
            if _FACTS in info:
                facts = json.loads(info[_FACTS])
                settled = max(settled, facts["settled"])
                if facts["run"]["run_id"] not in known:
                    self._enter(_run_from_json(facts["run"]))
        return newest

    def _enter(self, run: Run) -> None:
        self._append_once("runs", run.run_id, [flat_row(run)])

    def append_reviews(self, reviews: Sequence[Review]) -> None:
        """Appends people's decisions; the same reviews (by id), appended again, are there once."""
        ids = "\0".join(sorted(review.review_id for review in reviews))
        self._append_once("reviews", f"reviews-{_digest(ids)}", [flat_row(each) for each in reviews])

    def append_releases(self, release_id: str, rows: Sequence[Release], chunk: str = "") -> None:
        """Appends what was done to objects; a chunk of a release that is there already isn't appended again.

        `chunk` names the rows within the release; by default the digest of what they are (not of when).
        """
        if not rows:
            return
        done = sorted((row.uri, row.generation, row.run_id, row.action, row.target) for row in rows)
        self._append_once(
            "releases",
            f"{release_id}-{chunk or _digest(json.dumps(done))}",
            [flat_row(each) for each in rows],
        )

    def _append_once(self, name: str, app_id: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        data = pa.Table.from_pylist(list(rows), schema=SCHEMAS[name])

        def commit(table: DeltaTable, properties: CommitProperties) -> None:
            write_deltalake(table, data, mode="append", commit_properties=properties)

        delta.commit_once(self.table_uri(name), SCHEMAS[name], app_id, commit)

    # -- reading -------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run | None:
        """The ledger row of a committed run; None when the run is not committed."""
        found = self.dataset("runs").to_table(filter=pc.field("run_id") == run_id)
        return run_from(found.to_pylist()[0]) if found.num_rows else None

    def runs(self) -> list[Run]:
        """All committed runs, the oldest first."""
        rows = self.dataset("runs").to_table().to_pylist()
        return sorted(map(run_from, rows), key=lambda run: (run.committed_at, run.run_id))

    def _run_ids(self) -> set[str]:
        found = self.dataset("runs").to_table(columns=["run_id"])
        return {str(run_id) for run_id in found["run_id"].to_pylist()}

    def verdicts(self, uri: str) -> list[Verdict]:
        """All committed verdicts on an upload, the newest (generation, then commit, then run id) first."""
        committed = {run.run_id: (run.committed_at, run.run_id) for run in self.runs()}
        rows = self.dataset("verdicts", (uri, uri)).to_table(filter=pc.field("uri") == uri).to_pylist()
        found = [verdict_from(row) for row in rows if row["run_id"] in committed]
        return sorted(found, key=lambda each: (each.generation, committed[each.run_id]), reverse=True)

    def reviews(self, uri: str) -> list[Review]:
        """All people's decisions on an upload, the oldest first."""
        rows = self.dataset("reviews", (uri, uri)).to_table(filter=pc.field("uri") == uri).to_pylist()
        return sorted(map(review_from, rows), key=lambda each: (each.reviewed_at, each.review_id))

    def releases(self, uri: str) -> list[Release]:
        """Everything that was done to an upload, the oldest first."""
        rows = self.dataset("releases", (uri, uri)).to_table(filter=pc.field("uri") == uri).to_pylist()
        return sorted(map(release_from, rows), key=lambda each: (each.released_at, each.release_id))

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection that reads the tables and the views over them; see `tables.views`.

        Raises ConfigError when there are no tables yet.
        """
        if self._table("runs") is None:
            raise ConfigError(
                f"no result tables under {self.uri}",
                fix="screen something first (python -m pipelines.screen), or name another --results",
            )
        # The ledger first: so the verdicts of every run that it names are there.
        return connect({name: self.dataset(name) for name in ("runs", "verdicts", "reviews", "releases")})

    def dataset(self, name: str, between: tuple[str, str] | None = None) -> ds.Dataset:
        """The raw table as an Arrow dataset; its verdicts count only where their run is in `runs`."""
        return delta.dataset(self._table(name), self.table_uri(name), SCHEMAS[name], between)

    def _table(self, name: str) -> DeltaTable | None:
        """The table at its newest version; what was read of its log before is not read again."""
        if (table := self._opened.get(name)) is not None:
            table.update_incremental()
        elif (table := delta.load(self.table_uri(name))) is not None:
            self._opened[name] = table
        return table

    def decided(self, first_uri: str, last_uri: str, fingerprint: str) -> set[tuple[str, int]]:
        """URI and generation of the uploads from `first_uri` to `last_uri` (both included) that need no other
        verdict under this fingerprint: those of committed runs, but not errors that another try may mend.
        """
        # The ledger before the verdicts: so the verdicts of every run that it names are there.
        committed = pa.array(sorted(self._run_ids()), pa.string())
        wanted = (
            (pc.field("uri") >= first_uri)
            & (pc.field("uri") <= last_uri)
            & (pc.field("fingerprint") == fingerprint)
            & pc.field("run_id").isin(committed)
        )
        verdicts = self.dataset("verdicts", (first_uri, last_uri))
        decided: set[tuple[str, int]] = set()
        scanner = verdicts.scanner(columns=["uri", "generation", "decision", "reasons"], filter=wanted)
        for batch in scanner.to_batches():
            columns: list[list[Any]] = [column.to_pylist() for column in batch.columns]
            for uri, generation, decision, reasons in zip(*columns, strict=True):
                if decision != "error" or not set(reasons or ()) & set(TRANSIENT_REASONS):
                    decided.add((uri, generation))
        return decided


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:40]


def _run_from_json(row: Row) -> Run:
    times = {name: datetime.fromisoformat(row[name]) for name in ("started_at", "committed_at")}
    return run_from({**row, **times})
