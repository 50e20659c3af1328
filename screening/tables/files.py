"""Read what a table's log says about its data files, and pick those that may hold the rows asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from screening.errors import ConfigError, TableError

RANGES = ("uri", "run_id", "fingerprint")  # columns whose least and greatest value in each file are used


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of verdicts of one run: its path below the table, its number of rows, and its size in bytes."""

    path: str
    run_id: str
    rows: int
    size: int


def listed(table: DeltaTable, uri: str) -> pa.Table:
    """Return what the log says about each file: `path`, `size`, `rows`, `written`, `min.` and `max.` of `RANGES`.

    `size` is in bytes, and `written` in milliseconds since 1970. Raises ConfigError if the table was upgraded, so that
    not every row of a file may count, and TableError for a path outside the table.
    """
    if table.protocol().min_reader_version > 1:
        raise ConfigError("another program has upgraded the table to a format that this version can't read", file=uri)
    said = pa.table(table.get_add_actions(flatten=True))
    unknown = pa.nulls(said.num_rows)

    def column(name: str, kind: pa.DataType) -> pa.ChunkedArray:
        return pa.chunked_array([pa.array(said[name] if name in said.column_names else unknown).cast(kind)])

    found = {
        "path": column("path", pa.string()),
        "size": column("size_bytes", pa.int64()),
        "rows": column("num_records", pa.int64()),
        "written": column("modification_time", pa.int64()),
    }
    found |= {f"{end}.{name}": column(f"{end}.{name}", pa.string()) for name in RANGES for end in ("min", "max")}
    for path in found["path"].to_pylist():
        if path.startswith("/") or "://" in path or ".." in PurePosixPath(path).parts:
            raise TableError(f"the log names a file outside the table, {path!r}", file=uri)
    return pa.table(found)


def overlapping(files: pa.Table, first: str, last: str, column: str = "uri") -> pa.Table:
    """Return the files of `listed` that may hold a value from `first` to `last`, also if the log does not say."""
    outside = pc.or_(pc.less(files[f"max.{column}"], first), pc.greater(files[f"min.{column}"], last))
    return files.filter(pc.invert(pc.fill_null(outside, False)))


def of_runs(files: pa.Table, run_ids: pa.Array) -> pa.Table:
    """Return the files of `listed` that may hold rows of these runs."""
    return files.filter(pc.or_(pc.invert(_alone(files)), pc.is_in(files["min.run_id"], run_ids)))


def rows_of_runs(files: pa.Table) -> dict[str, int] | None:
    """Return the number of rows of each run according to the log, or None if it does not say or a file mixes runs."""
    if files["rows"].null_count or not pc.all(_alone(files), min_count=0).as_py():
        return None
    counted = files.group_by("min.run_id").aggregate([("rows", "sum")])
    return dict(zip(counted["min.run_id"].to_pylist(), counted["rows_sum"].to_pylist(), strict=True))


def run_files(files: pa.Table) -> list[RunFile]:
    """Return the files that hold one run each, newest first; files that another program joined are left out."""
    ours = files.filter(_alone(files)).sort_by([("written", "descending"), ("path", "descending")])
    columns = (ours[name].to_pylist() for name in ("path", "min.run_id", "rows", "size"))
    return [RunFile(*file) for file in zip(*columns, strict=True) if file[2]]


def _alone(files: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(files["min.run_id"], files["max.run_id"]), False)
