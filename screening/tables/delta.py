"""The little of Delta Lake that the result tables stand on: open, read, and commit exactly once.

Exactly once rests on two facts of the Delta protocol, both tested with racing processes: a log entry is
created only if absent, and a commit that carries `Transaction(app_id)` fails when another commit with that
`app_id` landed after the snapshot it was made from. So: load a snapshot, look for the `app_id` in it, commit
from that very snapshot; and after any failure look again, as the entry may have landed and its reply be lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError, SchemaMismatchError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from screening.errors import ConfigError, TransientError, UploadError
from screening.storage import delta_options, open_store

_ATTEMPTS = 8
_REBASES = 100  # on commits of others that landed meanwhile; each costs one small request


def remote(uri: str) -> bool:
    """Whether `uri` lies in an object store rather than in a local folder."""
    return "://" in uri


def absolute(uri: str) -> str:
    """The URI itself, or a local path made absolute; without a slash at its end."""
    return uri.rstrip("/") if remote(uri) else str(Path(os.path.abspath(uri)))  # noqa: PTH100 (keeps links)


def load(uri: str) -> DeltaTable | None:
    """The table at its newest version; None when there is none."""
    try:
        return DeltaTable(uri, storage_options=delta_options(uri))
    except TableNotFoundError:
        return None


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
    if table.protocol().min_reader_version > 1:
        raise ConfigError("another writer has upgraded the table beyond plain files", file=uri)
    files = pa.table(table.get_add_actions(flatten=True)).to_pydict()
    unknown = [None] * len(files["path"])
    ranges = zip(files.get("min.uri", unknown), files.get("max.uri", unknown), strict=True)
    form, system = ds.ParquetFileFormat(), _filesystem(uri)
    fragments = []
    for path, (first, last) in zip(files["path"], ranges, strict=True):
        known = first is not None and last is not None
        if known and between and (last < between[0] or first > between[1]):
            continue
        holds = (pc.field("uri") >= first) & (pc.field("uri") <= last) if known else None
        fragments.append(form.make_fragment(path, system, holds))
    return ds.FileSystemDataset(fragments, schema, form, system)


def _filesystem(uri: str) -> fs.FileSystem:
    if remote(uri):
        return fs.PyFileSystem(DeltaStorageHandler(uri, delta_options(uri)))
    return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())


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
    tries = Retrying(
        retry=retry_if_exception_type((DeltaError, OSError)),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        reraise=True,
    )
    try:
        for attempt in tries:
            with attempt:
                table = _open_or_create(uri, schema)
                if table.transaction_version(app_id) is None:
                    _checked(uri, commit, table, properties)
    except (DeltaError, OSError) as error:
        raise TransientError(f"{uri}: the commit of {app_id} did not land: {error}") from error


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


def _open_or_create(uri: str, schema: pa.Schema) -> DeltaTable:
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
        actions = (json.loads(line) for line in entry.splitlines() if line.strip())
        yield version, next((each["commitInfo"] for each in actions if "commitInfo" in each), {})


def _log_entry(uri: str, version: int) -> bytes | None:
    path = f"{uri}/_delta_log/{version:020}.json"
    try:
        return open_store(path).get(path)
    except UploadError as error:
        if error.reason == "not_found":
            return None
        raise
