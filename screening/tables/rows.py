"""Append a few rows at a time to a table, each time as a file with page checksums, and join files if there are many."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from screening.errors import ScreeningError
from screening.tables import delta
from screening.tables.files import listed, overlapping
from screening.tables.scan import Files
from screening.tables.schema import Row
from screening.tables.sealed import put
from screening.tables.statistics import Statistics

TURNS = 40  # attempts to land a commit while others land theirs
SMALL = 64  # a table with more files than this is compacted


def append_once(uri: str, schema: pa.Schema, app_id: str, rows: Sequence[Row]) -> None:
    """Append the rows unless a commit of `app_id` did so before. Raises the same errors as `delta.commit_once`.

    This needs no permission to overwrite or delete.
    """
    written: list[AddAction] = []

    def commit(table: DeltaTable, properties: CommitProperties) -> None:
        if not written:
            written.append(_write(uri, pa.Table.from_pylist(list(rows), schema=schema), new=True))
        table.create_write_transaction([*written], "append", schema, commit_properties=properties)

    delta.commit_once(uri, schema, app_id, commit)


def append_new(
    uri: str, schema: pa.Schema, rows: Sequence[Row], new: Callable[[Sequence[Row], Sequence[Row]], list[Row]],
    columns: Sequence[str],
) -> None:  # fmt: skip
    """Append the rows that `new(rows, there)` returns; `there` is the stored rows with URIs in the range of `rows`.

    Only `columns` of the stored rows are read. The commit succeeds only on exactly the snapshot that was read; if
    another commit lands first, all of this is done again.
    """
    uris = [row["uri"] for row in rows]
    near = (pc.field("uri") >= min(uris)) & (pc.field("uri") <= max(uris))

    def land() -> None:
        table = delta.open_or_create(uri, schema)
        files = Files(uri, schema, overlapping(listed(table, uri), min(uris), max(uris)))
        there = files.scanner(columns=list(columns), filter=near).to_table().to_pylist()
        if data := new(rows, there):
            written = [_write(uri, pa.Table.from_pylist(data, schema=schema), new=True)]
            only_next = CommitProperties(max_commit_retries=0)
            table.create_write_transaction([*written], "append", schema, commit_properties=only_next)

    delta.patient(uri, land, TURNS)


def compact(uri: str, above: int) -> None:
    """Join the files of a table into one if there are more than `above`; its rows stay the same.

    delta-rs could do this, but it writes no page checksums. If anything else is committed meanwhile, nothing is done.
    """
    table = delta.load(uri)
    if table is None or (files := listed(table, uri)).num_rows <= above:
        return
    schema = pa.schema(table.schema().to_arrow())
    rows = Files(uri, schema, files).to_table()
    # On another snapshot, it might bring back rows that were removed.
    only_next = CommitProperties(max_commit_retries=0)
    with suppress(DeltaError, OSError, ScreeningError):  # another process is doing it, or the next job will
        joined = _write(uri, rows, new=False)
        removed = [
            RemoveAction(path=path, size=size, data_change=False, deletion_timestamp=_now(), partition_values={})
            for path, size in zip(files["path"].to_pylist(), files["size"].to_pylist(), strict=True)
        ]
        table.create_write_transaction([*removed, joined], "append", schema, commit_properties=only_next)


def _write(uri: str, data: pa.Table, *, new: bool) -> AddAction:
    """Write a file under an unused name and return the log's entry for it; `new` is whether its rows are new."""
    file = io.BytesIO()
    pq.write_table(data, file, compression="zstd", write_page_checksum=True)
    path = put(uri, f"rows-{uuid.uuid4().hex}", file.getvalue())
    stats = Statistics()
    stats.add(data)
    return AddAction(path, file.tell(), {}, _now(), new, stats.to_json())


def _now() -> int:
    return int(time.time() * 1000)
