"""Take uploads from a manifest: a `.jsonl` or `.parquet` file whose entries each give a `uri`, and perhaps metadata."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

from pipelines.listing.rows import ListedRow, Rows, rows
from pipelines.listing.shards import PIECE, Cut, chunks
from screening.errors import ConfigError, TransientError, UploadError
from screening.records import Upload
from screening.storage import local_path, open_store, place

LOOKUPS = 32  # entries that are looked up in the store in parallel
METADATA = 16 << 10  # characters that an entry may have, since thousands are held at once; a bucket allows 8 KiB


@dataclass(frozen=True, slots=True)
class Manifest:
    """A shard: rows of a manifest. An entry gives the URI, and the store the rest."""

    rows: Rows

    @property
    def id(self) -> str:
        return json.dumps([self.rows.file, f"{self.rows.first:015}"])

    def split(self) -> Iterator[Self]:
        """Split a Parquet file at its row groups; a file of lines stays whole, since nobody knows where they begin."""
        if self.rows.form != "parquet":
            yield self
            return
        first, ahead = self.rows.first, 0
        for inside in _within(self.rows):
            ahead += inside
            if ahead >= PIECE:
                yield self._part(first, ahead)
                first, ahead = first + ahead, 0
        if ahead:
            yield self._part(first, ahead)

    def cut(self) -> Iterator[Cut]:
        entries = ((number, offset, self.identity(number, row)) for number, offset, row in self.rows)
        for some in chunks(entries, PIECE):
            number, offset, _ = some[0]
            yield Cut(self._part(number, len(some), offset), len(some), [_digest(identity) for _, _, identity in some])

    def uploads(self, without: Collection[int] = ()) -> Iterator[Upload]:
        entries = ((number, row) for i, (number, _, row) in enumerate(self.rows) if i not in without)
        with ThreadPoolExecutor(LOOKUPS) as pool:
            for some in chunks(entries, PIECE):
                yield from pool.map(lambda entry: self.upload(*entry), some)

    def _part(self, first: int, number: int, offset: int = 0) -> Self:
        return replace(self, rows=replace(self.rows, first=first, count=number, offset=offset))

    def identity(self, number: int, row: ListedRow) -> str:
        """Return the URI of the entry's upload, always in the same form. Raises ConfigError if it gives none."""
        source, uri = self.rows.file, row.get("uri")
        if not isinstance(uri, str) or not uri:
            raise ConfigError("this entry has no uri", file=source, line=number, fix='every entry needs {"uri": "…"}')
        if not _is_text(uri):
            raise ConfigError(
                f"{uri!r} is not valid text", file=source, line=number, fix="give the folder as --input instead"
            )
        if uri.startswith("gs://"):
            if not all(uri.removeprefix("gs://").partition("/")):
                raise ConfigError(f"{uri!r} names no object", file=source, line=number, fix="write gs://bucket/name")
            return uri
        if source.startswith("gs://"):
            raise ConfigError(f"{uri!r} is not a gs:// URI", file=source, line=number, fix="write gs://bucket/name")
        try:
            path = local_path(uri)
        except ConfigError as error:
            raise ConfigError(error.what, file=source, line=number, fix=error.fix) from None
        # The path is only normalised, so that an upload has one URI; `$` and `~` are not expanded as a shell would.
        return "/" + posixpath.normpath(posixpath.join(posixpath.dirname(source), path)).lstrip("/")

    def upload(self, number: int, row: ListedRow) -> Upload:
        """Return the entry's upload as the store describes it, or with its `problem` if it can't be looked up."""
        uri = self.identity(number, row)
        name = uri.removeprefix("gs://").lstrip("/")
        try:
            said = {key: _text(value) for key, value in _claims(row).items() if value is not None}
        except RecursionError:
            said = {"": " " * METADATA}
        if sum(len(key) + len(value) for key, value in said.items()) >= METADATA:
            return Upload(uri=uri, name=name, generation=0, size=0, problem="metadata_too_large")
        try:
            upload = open_store(uri).stat(uri, name)
        except UploadError as error:
            return Upload(uri=uri, name=name, generation=0, size=0, metadata=said, problem=error.reason)
        except TransientError:
            return Upload(uri=uri, name=name, generation=0, size=0, metadata=said, problem="read_failed")
        except ValueError:  # from Google's client: this is no bucket, or not valid text
            return Upload(uri=uri, name=name, generation=0, size=0, metadata=said, problem="invalid_name")
        return replace(upload, metadata={**upload.metadata, **said})


def manifest(source: str) -> Manifest:
    """Return a whole manifest. Raises ConfigError if there is no such file."""
    return Manifest(rows(place(source), "parquet" if source.lower().endswith(".parquet") else "jsonl"))


def _within(part: Rows) -> Iterator[int]:
    """Yield how many rows of each row group are in `part`."""
    start, last = part.first - 1, float("inf") if part.count is None else part.first - 1 + part.count
    at = 0
    for size in part.groups():
        inside = min(at + size, last) - max(at, start)
        if inside > 0:
            yield int(inside)
        at += size


def _digest(uri: str) -> bytes:
    return hashlib.sha256(uri.encode("utf-8", "backslashreplace")).digest()[:16]


def _is_text(uri: str) -> bool:
    try:
        return bool(uri.encode())
    except UnicodeEncodeError:
        return False


def _claims(row: ListedRow) -> Mapping[str, object]:
    nested = row.get("metadata")
    flat = {key: value for key, value in row.items() if key not in {"uri", "metadata"}}
    return {**flat, **(nested if isinstance(nested, Mapping) else {})}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
