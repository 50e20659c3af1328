"""Read the result tables; only decisions of committed runs are returned, except where a docstring says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from screening.errors import CIRCUMSTANCES, ConfigError, TableError
from screening.records import Decision, Release, Review, Run, Verdict
from screening.storage import place
from screening.tables import delta
from screening.tables.decided import Decided
from screening.tables.files import RunFile, listed, of_runs, overlapping, rows_of_runs, run_files
from screening.tables.scan import Files
from screening.tables.schema import RELEASE, REVIEW, RUN, SCHEMAS, VERDICTS, check_columns, verdict_from
from screening.tables.views import connect

_OPEN = 8  # files of a run, while it is read


class ResultReader:
    """What has been decided under a results folder or `gs://` prefix."""

    def __init__(self, uri: str) -> None:
        self.uri = place(uri)
        self._opened: dict[str, DeltaTable] = {}
        self._read: dict[str, tuple[int, pa.Table]] = {}

    def table_uri(self, name: str) -> str:
        """Return the URI of a table: `{results}/{name}`."""
        return f"{self.uri}/{name}"

    def run(self, run_id: str) -> Run | None:
        """Return the ledger row of a run, or None if it is not committed."""
        found = self._whole("runs").filter(pc.field("run_id") == run_id).to_pylist()
        return RUN.record(found[0]) if found else None

    def runs(self) -> list[Run]:
        """Return all committed runs, the oldest first."""
        return sorted(map(RUN.record, self._whole("runs").to_pylist()), key=lambda run: (run.committed_at, run.run_id))

    def _run_ids(self) -> list[str]:
        """Return the ids of committed runs, in the order of their commits."""
        return [run.run_id for run in self.runs()]

    def verdicts(self, uri: str) -> list[Verdict]:
        """Return all committed verdicts on an upload, the newest (generation, then commit, then run id) first."""
        committed = {run.run_id: (run.committed_at, run.run_id) for run in self.runs()}
        rows = self.dataset("verdicts", (uri, uri)).to_table(filter=pc.field("uri") == uri).to_pylist()
        found = [verdict_from(row) for row in rows if row["run_id"] in committed]
        return sorted(found, key=lambda each: (each.generation, committed[each.run_id]), reverse=True)

    def newest_verdicts(self) -> Iterator[tuple[Verdict, Decision | None]]:
        """Yield the newest verdict on every upload, with the decision of a person, or None if there is none."""
        columns = ", ".join(f'"{name}"' for name in VERDICTS.names if name != "decision")
        answer = self.connection().sql(
            f"SELECT {columns}, machine_decision AS decision, decided_by, decision AS stands FROM effective_verdicts"
        )
        for batch in answer.to_arrow_reader():
            for row in batch.to_pylist():
                yield verdict_from(row), row["stands"] if row["decided_by"] == "reviewer" else None

    def reviews(self, uri: str) -> list[Review]:
        """Return all decisions of people on an upload, the oldest first."""
        rows = self._whole("reviews").filter(pc.field("uri") == uri).to_pylist()
        return sorted(map(REVIEW.record, rows), key=lambda each: (each.reviewed_at, each.review_id))

    def releases(self, uri: str) -> list[Release]:
        """Return everything that was done to an upload, the oldest first."""
        rows = self.dataset("releases", (uri, uri)).to_table(filter=pc.field("uri") == uri).to_pylist()
        return sorted(map(RELEASE.record, rows), key=lambda each: (each.released_at, each.release_id))

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection that reads the tables and the views over them; see `tables.views`.

        Raises ConfigError if there are no tables yet.
        """
        if self._table("runs") is None:
            raise ConfigError(
                f"no result tables under {self.uri}",
                fix="screen something first (screening screen), or name another --results",
            )
        # The ledger first: so the verdicts of every run that it names are there.
        small = {name: ds.dataset(self._whole(name)) for name in ("runs", "reviews")}
        return connect(small | {"verdicts": self._committed(), "releases": self.dataset("releases")})

    def _committed(self) -> ds.Dataset:
        """Return the verdicts of committed runs only. Raises TableError if the ledger has another number of them."""
        runs, uri = self.runs(), self.table_uri("verdicts")
        files = self._files("verdicts")
        counted = {} if files is None else rows_of_runs(files)
        for run in runs if counted is not None else ():
            decided, found = run.accept + run.review + run.reject + run.error, (counted or {}).get(run.run_id, 0)
            if decided != found:
                what = f"the ledger has {decided} verdicts of run {run.run_id}, and the table's log {found}"
                raise TableError(what, file=f"{uri}/_delta_log")
        if files is None:
            return ds.dataset(VERDICTS.empty_table())
        run_ids = pa.array([run.run_id for run in runs], pa.string())
        return Files(uri, VERDICTS, of_runs(files, run_ids), pc.field("run_id").isin(run_ids))

    def dataset(self, name: str, between: tuple[str, str] | None = None) -> ds.Dataset:
        """Return the raw table as an Arrow dataset, without files that have nothing in a range of URIs (both included).

        Its verdicts count only if their run is in `runs`. `DeltaTable.to_pyarrow_dataset()` is not used: it compares
        with null where a file has no statistics of a column, and so drops rows silently (seen with deltalake 1.6.6).
        """
        if (files := self._files(name)) is None:
            return ds.dataset(SCHEMAS[name].empty_table())
        return Files(self.table_uri(name), SCHEMAS[name], overlapping(files, *between) if between else files)

    def run_files(self) -> list[RunFile]:
        """Return the files of `verdicts`, the newest first; see `files.run_files`."""
        files = self._files("verdicts")
        return [] if files is None else run_files(files)

    def _files(self, name: str) -> pa.Table | None:
        table = self._table(name)
        return None if table is None else listed(table, self.table_uri(name))

    def _whole(self, name: str) -> pa.Table:
        """Return a small table in memory; it is read once per version, since each of its few rows may be a file."""
        table = self._table(name)
        version = -1 if table is None else table.version()
        if name not in self._read or self._read[name][0] != version:
            files = None if table is None else listed(table, self.table_uri(name))
            schema = SCHEMAS[name]
            found = schema.empty_table() if files is None else Files(self.table_uri(name), schema, files).to_table()
            self._read[name] = (version, found)
        return self._read[name][1]

    def _table(self, name: str) -> DeltaTable | None:
        """Return the table at its newest version, or None; log entries that were read before are not read again."""
        uri = self.table_uri(name)
        if (table := self._opened.get(name)) is not None:
            delta.update(uri, table)
        elif (table := delta.load(uri)) is not None:
            check_columns(table.schema(), name, uri)
            self._opened[name] = table
        return table

    def run_batches(
        self, run_id: str, columns: list[str], only: ds.Expression | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield columns of a run's verdicts in batches, whether the run is committed or not."""
        if (found := self._files("verdicts")) is None:
            return
        files = overlapping(found, run_id, run_id, "run_id")
        own = pc.field("run_id") == run_id
        wanted = own if only is None else own & only
        for start in range(0, files.num_rows, _OPEN):  # a dataset keeps the footer of each file it opened: 0.6 MB
            some = Files(self.table_uri("verdicts"), VERDICTS, files.slice(start, _OPEN))
            yield from some.scanner(columns=columns, filter=wanted, batch_readahead=4).to_batches()

    def unread(self, run_id: str, most: int) -> list[str]:
        """Return at most `most` URIs of a run's uploads that failed for an outside reason (see `CIRCUMSTANCES`)."""
        failed = self.run_batches(run_id, ["uri", "reasons"], pc.field("decision") == "error")
        rows = (row for batch in failed for row in batch.to_pylist())
        return list(islice((row["uri"] for row in rows if {*(row["reasons"] or ())[:1]} & CIRCUMSTANCES), most))

    def decided(self, fingerprint: str) -> Decided:
        """Return what needs no new verdict under this fingerprint, as of now."""
        # The ledger before the verdicts: so the verdicts of every run that it names are there.
        run_ids = self._run_ids()
        return Decided(self.table_uri("verdicts"), self._files("verdicts"), run_ids, fingerprint)
