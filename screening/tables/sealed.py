"""Check each file of a table when it is opened: its kind, size and footer must be those that were written.

Parquet has checksums for pages, but none for the footer, which says where the pages are and what they hold. So the
footer's CRC-32 is part of the file's name. Older files without it are read too.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs
from deltalake.fs import DeltaStorageHandler

from screening.errors import ConfigError, TableError, UploadError
from screening.storage import delta_options, open_store
from screening.tables.delta import patient, remote

TAIL = 64 << 10  # bytes at the end of a file, which Arrow reads first
_SEALED = re.compile(r"-([0-9a-f]{8})\.parquet$")


def check_file(path: str, size: int) -> str:
    """Return what is wrong with the kind, size or footer of a local file, or "" if nothing is."""
    try:
        facts = os.lstat(path)
        if not stat.S_ISREG(facts.st_mode):
            return "it is a link, a folder or a device, not a file that we wrote"
        if facts.st_size != size:
            return _sized(facts.st_size, size)
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a Path costs as much as the look itself)
            return _footer_problem(path, file, size)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it can't be read: {error.strerror}"


def put(uri: str, stem: str, data: bytes) -> str:
    """Write a file below `uri` and return its name: `stem` and the checksum of its footer. Raises ConfigError."""
    path = f"{stem}-{zlib.crc32(_footer(io.BytesIO(data), len(data))):08x}.parquet"
    try:
        open_store(uri).put(f"{uri}/{path}", data)
    except UploadError as error:
        fix = "let the identity that this runs as write there, or give another --results"
        raise ConfigError(f"the results can't be written: {error}", file=uri, fix=fix) from None
    return path


def _footer_problem(path: str, file: Any, size: int) -> str:
    seal = _SEALED.search(path)
    return "its footer is damaged" if seal and zlib.crc32(_footer(file, size)) != int(seal[1], 16) else ""


def _footer(file: Any, size: int) -> bytes:
    """Return the metadata at the end of a Parquet file, with its length and the magic number."""
    file.seek(max(0, size - 8))
    end = bytes(file.read(8))
    length = int.from_bytes(end[:4], "little")
    file.seek(max(0, size - 8 - length))
    return bytes(file.read(min(length, size))) + end


def filesystem(uri: str, sizes: Mapping[str, int], damaged: Callable[[str, str], TableError]) -> fs.FileSystem:
    """Return a file system of the files below `uri`; files in a bucket are checked when they are opened.

    `sizes` are in bytes by path, and `damaged(path, what)` makes the error that is raised.
    """
    if remote(uri):
        return fs.PyFileSystem(_Bucket(uri, sizes, damaged))
    return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())


class _Bucket(DeltaStorageHandler):
    """delta-rs's own file system of a bucket, with retries for reads, since it gives up when a body breaks off."""

    def __init__(self, uri: str, sizes: Mapping[str, int], damaged: Callable[[str, str], TableError]) -> None:
        super().__init__(uri, delta_options(uri))
        self._sizes, self._damaged = sizes, damaged

    def open_input_file(self, path: str) -> pa.PythonFile:
        def opened() -> Any:
            try:
                return self._handler.open_input_file(path)
            except FileNotFoundError:
                return None

        found = patient(path, opened)
        if found is None:
            raise self._damaged(path, "it is missing")
        if (size := found.size()) != self._sizes[path]:
            raise self._damaged(path, _sized(size, self._sizes[path]))
        file = _PatientFile(path, found, size)
        if wrong := _footer_problem(path, file, size):
            raise self._damaged(path, wrong)
        file.seek(0)
        return pa.PythonFile(file, "r")


class _PatientFile:
    """A file whose end is read only once, and whose reads are all retried."""

    def __init__(self, path: str, file: Any, size: int) -> None:
        self._path, self._file = path, file
        self._begin = max(0, size - TAIL)
        self._at = self._begin
        self._tail = b""
        self._tail = self.read(size - self._begin)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        size = self._begin + len(self._tail)
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = None) -> bytes:
        start = self._at
        if self._tail and start >= self._begin:
            offset = start - self._begin
            data = self._tail[offset:] if size is None else self._tail[offset : offset + size]
        else:

            def again() -> bytes:
                self._file.seek(start)
                return bytes(self._file.read(size))

            data = patient(self._path, again)
        self._at = start + len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _sized(found: int, said: int) -> str:
    return f"it has {found} bytes, but the log says {said}"
