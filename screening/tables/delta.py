"""The little of Delta Lake that the result tables stand on: open, read, and commit exactly once.

Exactly once rests on two facts of the Delta protocol, both tested with racing processes: a log entry is
created only if absent, and a commit that carries `Transaction(app_id)` fails when another commit with that
`app_id` landed after the snapshot it was made from. So: load a snapshot, look for the `app_id` in it, commit
from that very snapshot; and after any failure look again, as the entry may have landed and its reply be lost.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError, SchemaMismatchError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from screening.errors import ConfigError, TransientError, UploadError
from screening.meter import RETRIES
from screening.storage import delta_options, open_store

T = TypeVar("T")
_READS, _COMMITS = 5, 8  # attempts, besides those that delta-rs makes itself
_SMALL = 64  # files, from which a table that grows by a row at a time is compacted
_COMMIT_INFO = re.compile(rb'^\s*\{\s*"commitInfo"\s*:.*$', re.MULTILINE)
_REBASES = 100  # on commits of others that landed meanwhile; each costs one small request


def remote(uri: str) -> bool:
    """Whether `uri` lies in an object store rather than in a local folder."""
    return "://" in uri


def absolute(uri: str) -> str:
    """The URI itself, or a local path made absolute; without a slash at its end."""
    return uri.rstrip("/") if remote(uri) else str(Path(os.path.abspath(uri)))  # noqa: PTH100 (keeps links)


def patient(uri: str, action: Callable[[], T], attempts: int = _READS) -> T:
    """The result of `action`, tried again with back-off while it fails; TransientError when it goes on."""
    tries = Retrying(
        retry=retry_if_exception_type((DeltaError, OSError)),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        before_sleep=lambda _: RETRIES.add("retries"),
        reraise=True,
    )
    try:
        return tries(action)
    except (DeltaError, OSError) as error:
        raise TransientError(f"{uri}: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """delta-rs's message on one line, without colours and stack."""
    lines = re.sub(r"\x1b\[\d*m|↳", "", str(error)).splitlines()
    told = [line.strip() for line in lines if line.strip()]
    return "; ".join(itertools.takewhile(lambda line: not re.match(r"\d+: <unknown>", line), told))


def load(uri: str) -> DeltaTable | None:
    """The table at its newest version; None when there is none."""

    def opened() -> DeltaTable | None:
        try:
            return DeltaTable(uri, storage_options=delta_options(uri))
        except TableNotFoundError:
            return None

    return patient(uri, opened, _READS if remote(uri) else 1)


def dataset(
    table: DeltaTable | None, uri: str, schema: pa.Schema, between: tuple[str, str] | None = None
) -> ds.Dataset:
    """The table at `uri` as an Arrow dataset, an empty one when there is none.

    `between` leaves out files that hold nothing of a range of URIs (both ends included). Not by
    `DeltaTable.to_pyarrow_dataset()`: that compares with null where a file lacks the statistics of a column,
    and so drops rows silently (seen with deltalake 1.6.6).
    """
    if table is None:
        return ds.dataset(schema.empty_table())
    listed = files(table, uri)
    return fragments(uri, schema, overlapping(listed, *between) if between else listed)


def files(table: DeltaTable, uri: str) -> pa.Table:
    """What the log says of every file: `path`, and the least and greatest `uri`, `run_id` and `fingerprint` in it."""
    check_plain(table, uri)
    actions = pa.table(table.get_add_actions(flatten=True))
    unknown = pa.nulls(actions.num_rows, pa.string())
    names = ("path", *(f"{end}.{column}" for column in ("uri", "run_id", "fingerprint") for end in ("min", "max")))
    return pa.table(
        {name: pa.array(actions[name]).cast(pa.string()) if name in actions.column_names else unknown for name in names}
    )


def overlapping(listed: pa.Table, first: str, last: str, column: str = "uri") -> pa.Table:
    """Those of `files` that may hold a value from `first` to `last`; where the log does not say, they may."""
    outside = pc.or_(pc.less(listed[f"max.{column}"], first), pc.greater(listed[f"min.{column}"], last))
    return listed.filter(pc.invert(pc.fill_null(outside, False)))


def fragments(uri: str, schema: pa.Schema, listed: pa.Table) -> ds.FileSystemDataset:
    """The rows of some `files`."""
    form, system = ds.ParquetFileFormat(), filesystem(uri)
    made = []
    for path, first, last in zip(*(listed[name].to_pylist() for name in ("path", "min.uri", "max.uri")), strict=True):
        known = first is not None and last is not None
        holds = (pc.field("uri") >= first) & (pc.field("uri") <= last) if known else None
        made.append(form.make_fragment(path, system, holds))
    return ds.FileSystemDataset(made, schema, form, system)


def check_plain(table: DeltaTable, uri: str) -> None:
    """Raises ConfigError where not every row of a file counts."""
    if table.protocol().min_reader_version > 1:
        raise ConfigError("another writer has upgraded the table beyond plain files", file=uri)


def _listing(table: DeltaTable, *columns: str) -> dict[str, list[Any]]:
    """What the log says of every file; None where it does not say."""
    actions = pa.table(table.get_add_actions(flatten=True))
    unknown = [None] * actions.num_rows
    return {name: actions[name].to_pylist() if name in actions.column_names else unknown for name in columns}


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of verdicts of one run: its path below the table, and its rows."""

    path: str
    run_id: str
    rows: int


def run_files(table: DeltaTable, uri: str) -> list[RunFile]:
    """The files that hold one run each, the newest first; those of several, joined by another program, are left out."""
    check_plain(table, uri)
    said = _listing(table, "modification_time", "path", "min.run_id", "max.run_id", "num_records")
    ordered = sorted(zip(*said.values(), strict=True), key=lambda file: file[:2], reverse=True)
    return [RunFile(path, first, rows) for _, path, first, last, rows in ordered if first == last and first and rows]


def filesystem(uri: str) -> fs.FileSystem:
    """The files below `uri`."""
    if remote(uri):
        return fs.PyFileSystem(_PatientHandler(uri, delta_options(uri)))
    return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())


class _PatientHandler(DeltaStorageHandler):
    """delta-rs's own way to a bucket, whose reads are tried again: it gives up when a body breaks off."""

    def open_input_file(self, path: str) -> pa.PythonFile:
        file = patient(path, lambda: self._handler.open_input_file(path))
        return pa.PythonFile(_PatientFile(path, file), "r")


class _PatientFile:
    def __init__(self, path: str, file: Any) -> None:
        self._path = path
        self._file = file

    def read(self, size: int | None = None) -> bytes:
        start = self._file.tell()

        def again() -> bytes:
            self._file.seek(start)
            return bytes(self._file.read(size))

        return patient(self._path, again)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def compact(uri: str) -> None:
    """Joins the files of a table that grows by a row at a time, once there are many; its rows stay the same."""
    table = load(uri)
    if table is not None and len(table.file_uris()) > _SMALL:
        with suppress(DeltaError, OSError):  # another process is doing it, or the next job will
            table.optimize.compact()


def commit_once(
    uri: str,
    schema: pa.Schema,
    app_id: str,
    commit: Callable[[DeltaTable, CommitProperties], None],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Makes sure that exactly one commit of `app_id` is in the table, which is created when missing.

    `commit` gets the snapshot and the properties that it must commit with. Raises TransientError when the
    store gave up; calling again is safe.
    """
    properties = CommitProperties(
        custom_metadata=dict(metadata or {}),
        max_commit_retries=_REBASES,
        app_transactions=[Transaction(app_id=app_id, version=1)],
    )

    def land() -> None:
        table = open_or_create(uri, schema)
        if table.transaction_version(app_id) is None:
            _checked(uri, commit, table, properties)

    patient(uri, land, _COMMITS)


def _checked(
    uri: str,
    commit: Callable[[DeltaTable, CommitProperties], None],
    table: DeltaTable,
    properties: CommitProperties,
) -> None:
    try:
        commit(table, properties)
    except SchemaMismatchError as error:
        raise ConfigError(
            f"the table has other columns than this version writes: {error}",
            file=uri,
            fix="choose another --results",
        ) from error


def open_or_create(uri: str, schema: pa.Schema) -> DeltaTable:
    """The table at its newest version, made where it is missing."""
    table = load(uri)
    if table is None:
        DeltaTable.create(uri, schema, mode="ignore", storage_options=delta_options(uri))
        table = DeltaTable(uri, storage_options=delta_options(uri))
    return table


def commits(uri: str, newest: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Version and `commitInfo` of the commits from version `newest` back, until the log's kept part ends.

    Reads the log itself: `DeltaTable.history()` numbers entries from the loaded version, which is wrong as
    soon as another commit lands.
    """
    for version in range(newest, -1, -1):
        entry = _log_entry(uri, version)
        if entry is None:
            return
        found = _COMMIT_INFO.search(entry)  # a line of its own among those of files, which may be very many
        yield version, json.loads(found[0])["commitInfo"] if found else {}


def _log_entry(uri: str, version: int) -> bytes | None:
    path = f"{uri}/_delta_log/{version:020}.json"
    try:
        return open_store(path).get(path)
    except UploadError as error:
        if error.reason == "not_found":
            return None
        raise
