"""What a table's log says of its data files, and which of them may hold what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from screening.errors import ConfigError, TableError

RANGES = ("uri", "run_id", "fingerprint")  # columns of which a file's least and greatest value are asked for


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of verdicts of one run: its path below the table, its rows, and its size in bytes."""

    path: str
    run_id: str
    rows: int
    size: int


def listed(table: DeltaTable, uri: str) -> pa.Table:
    """What the log says of every file: `path`, `size`, `rows`, when it was `written`, `min.` and `max.` of `RANGES`.

    Raises ConfigError where not every row of a file counts, TableError for a path that leads elsewhere.
    """
    if table.protocol().min_reader_version > 1:
        raise ConfigError("another writer has upgraded the table beyond plain files", file=uri)
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
    """Those of `listed` that may hold a value from `first` to `last`; where the log does not say, they may."""
    outside = pc.or_(pc.less(files[f"max.{column}"], first), pc.greater(files[f"min.{column}"], last))
    return files.filter(pc.invert(pc.fill_null(outside, False)))


def of_runs(files: pa.Table, run_ids: pa.Array) -> pa.Table:
    """Those of `listed` that may hold rows of these runs."""
    return files.filter(pc.or_(pc.invert(_alone(files)), pc.is_in(files["min.run_id"], run_ids)))


def rows_of_runs(files: pa.Table) -> dict[str, int] | None:
    """Rows of each run by the log alone; None where it does not say, as some files hold rows of several."""
    if files["rows"].null_count or not pc.all(_alone(files), min_count=0).as_py():
        return None
    counted = files.group_by("min.run_id").aggregate([("rows", "sum")])
    return dict(zip(counted["min.run_id"].to_pylist(), counted["rows_sum"].to_pylist(), strict=True))


def run_files(files: pa.Table) -> list[RunFile]:
    """The files that hold one run each, the newest first; those of several, joined by another program, are left out."""
    ours = files.filter(_alone(files)).sort_by([("written", "descending"), ("path", "descending")])
    columns = (ours[name].to_pylist() for name in ("path", "min.run_id", "rows", "size"))
    return [RunFile(*file) for file in zip(*columns, strict=True) if file[2]]


def _alone(files: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(files["min.run_id"], files["max.run_id"]), False)
