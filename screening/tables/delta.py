"""What the result tables need of Delta Lake: open a table, read its log, and commit exactly once.

Committing exactly once relies on two facts of the Delta protocol, both tested with racing processes: a log entry is
created only if it is absent, and a commit with `Transaction(app_id)` fails if another commit with that `app_id` landed
after the snapshot that it was made from. So a commit loads a snapshot, looks for the `app_id` in it, and commits from
exactly that snapshot. After any failure it looks again, since the entry may have landed and only its reply was lost.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError, SchemaMismatchError, TableNotFoundError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from screening.errors import ConfigError, ScreeningError, TableError, TransientError, UploadError
from screening.meter import RETRIES
from screening.storage import delta_options, open_store

T = TypeVar("T")
_READS, _COMMITS = 5, 8  # attempts, in addition to those that delta-rs makes itself
_COMMIT_INFO = re.compile(rb'^\s*\{\s*"commitInfo"\s*:.*$', re.MULTILINE)
_REBASES = 100  # rebases on commits of others that landed meanwhile; each costs one small request


def remote(uri: str) -> bool:
    """Return whether `uri` is in an object store rather than in a local folder."""
    return "://" in uri


def absolute(uri: str) -> str:
    """Return the URI itself, or a local path made absolute, without a slash at its end."""
    return uri.rstrip("/") if remote(uri) else str(Path(os.path.abspath(uri)))  # noqa: PTH100 (keeps links)


def patient(uri: str, action: Callable[[], T], attempts: int = _READS) -> T:
    """Return the result of `action`, retried with back-off. Raises TransientError if all `attempts` fail."""
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
    """Return delta-rs's message on one line, without colours and stack."""
    lines = re.sub(r"\x1b\[\d*m|↳", "", str(error)).splitlines()
    told = [line.strip() for line in lines if line.strip()]
    return "; ".join(itertools.takewhile(lambda line: not re.match(r"\d+: <unknown>", line), told))


def load(uri: str) -> DeltaTable | None:
    """Return the table at its newest version, or None if there is none.

    Raises TableError if the log is damaged, ConfigError if it may not be read, and TransientError if the store fails.
    """

    def opened() -> DeltaTable | None:
        try:
            return DeltaTable(uri, storage_options=delta_options(uri))
        except TableNotFoundError:
            return None

    return _clear(uri, opened)


def update(uri: str, table: DeltaTable) -> None:
    """Update the table to its newest version. Raises the same errors as `load`."""
    _clear(uri, table.update_incremental)


def _clear(uri: str, action: Callable[[], T]) -> T:
    if not remote(uri):
        _check_entries(uri)
    try:
        return patient(uri, action, _READS if remote(uri) else 1)
    except TransientError as error:
        raise _trouble(uri, str(error)) from error


def _check_entries(uri: str) -> None:
    """Refuse entries of the log that are empty, as after a crash, or not files: delta-rs would skip them silently."""
    try:
        entries = [entry for entry in os.scandir(f"{uri}/_delta_log") if entry.name.endswith(".json")]
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(facts.st_mode) or not facts.st_size:
                what = "it is empty" if stat.S_ISREG(facts.st_mode) else "it is not a regular file"
                raise TableError(f"an entry of the table's log is damaged: {what}", file=entry.path)
    except FileNotFoundError:
        return  # there is no table, and delta-rs says so
    except NotADirectoryError:
        raise ConfigError(
            "there is a file where the results should be", file=uri, fix="give another --results"
        ) from None
    except OSError as error:
        raise _trouble(uri, str(error)) from None


def _trouble(uri: str, said: str) -> ScreeningError:
    """Return our error for one of delta-rs, which does not tell a damaged log from a failing store."""
    said = said.removeprefix(f"{uri}: ")
    if any(word in said for word in ("401 Unauthorized", "403 Forbidden", "ermission denied")):
        fix = "let the identity that this runs as read the results, then run the same command again"
        return ConfigError(f"the results may not be read: {said}", file=uri, fix=fix)
    if "404 Not Found" in said:
        return ConfigError(f"there is no such bucket: {said}", file=uri, fix="give a bucket that exists")
    if "Error performing" in said:
        return TransientError(f"{uri}: {said}")
    return TableError(f"the table's log can't be read: {said}", file=f"{uri}/_delta_log")


def commit_once(
    uri: str,
    schema: pa.Schema,
    app_id: str,
    commit: Callable[[DeltaTable, CommitProperties], None],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Make sure that the table contains exactly one commit of `app_id`; create the table if it is missing.

    `commit` gets the snapshot, and the properties to commit with. Raises TransientError if the store gave up (then it
    is safe to call again), and ConfigError if the table has other columns.
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
            fix="give another --results",
        ) from error


def open_or_create(uri: str, schema: pa.Schema) -> DeltaTable:
    """Return the table at its newest version; create it if it is missing, and add columns that it lacks.

    Rows that were written before have null in added columns.
    """
    table = load(uri)
    if table is None:
        DeltaTable.create(uri, schema, mode="ignore", storage_options=delta_options(uri))
        table = DeltaTable(uri, storage_options=delta_options(uri))
    there = {field.name for field in table.schema().fields}
    if lacking := [field for field in Schema.from_arrow(schema).fields if field.name not in there]:
        table.alter.add_columns(lacking)
    return table


def commits(uri: str, newest: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield version and `commitInfo` of the commits from version `newest` backwards, as far as the log was kept.

    This reads the log itself, since `DeltaTable.history()` numbers entries from the loaded version, which is wrong as
    soon as another commit lands.
    """
    for version in range(newest, -1, -1):
        entry = _log_entry(uri, version)
        if entry is None:
            return
        found = _COMMIT_INFO.search(entry)  # one line among those about files, which may be very many
        yield version, json.loads(found[0])["commitInfo"] if found else {}


def _log_entry(uri: str, version: int) -> bytes | None:
    path = f"{uri}/_delta_log/{version:020}.json"
    try:
        return open_store(path).get(path)
    except UploadError as error:
        if error.reason == "not_found":
            return None
        raise
