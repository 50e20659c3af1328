"""A folder as a store. The generation of a file is its change time, which its owner can't set.

Whoever may write to the uploads may change them at any moment, also between two of our calls: so a file is
opened once and judged by its descriptor, links are never followed, and what is copied is verified before it
has its name.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from screening.errors import ConfigError, Replaced, ScreeningError, TransientError, UploadError
from screening.records import Upload
from screening.storage import sidecar
from screening.storage.atomic import replacing
from screening.storage.walk import Span, subfolders, walk

CHUNK = 1 << 20  # bytes read at a time
NO_REGULAR_FILE = "not_a_regular_file"


class LocalStore:
    """Files below folders of this machine; holds nothing, so any thread may use it."""

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Regular files below `prefix` in the order of their paths; everything else with its problem."""
        return self._list(_folder(prefix), start, end)

    def _list(self, root: str, start: str, end: str) -> Iterator[Upload]:
        for entry in walk(root, Span(start, end)):
            if entry.problem:
                yield Upload(entry.shown, entry.name, entry.generation, 0, problem=entry.problem)
                continue
            try:
                yield _upload(entry.path, entry.name, os.lstat(entry.path), labels=entry.labels)
            except FileNotFoundError:
                continue  # deleted since its folder was read: no longer there to be screened
            except OSError as error:
                yield Upload(entry.shown, entry.name, 0, 0, problem=_reason(error))

    def split(self, prefix: str, start: str, end: str, pieces: int) -> Sequence[str]:
        """Cuts between subfolders: as many levels of them as are needed."""
        return subfolders(_folder(prefix), Span(start, end), pieces)

    def stat(self, uri: str, name: str = "") -> Upload:
        """The file as it is now; anything but a regular file has its problem."""
        with _errors():
            return _upload(uri, name or Path(uri).name, os.lstat(uri), labels=True)

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """The bytes of that generation, checked before and after."""
        with _errors(), _opened(uri) as fd:
            facts = _require(fd, generation)
            if facts.st_size > max_bytes:
                raise UploadError("too_large", f"{facts.st_size} bytes, the limit is {max_bytes}")
            data = _read(fd, facts.st_size + 1)
            _require(fd, generation)
            if len(data) != facts.st_size:
                raise Replaced("the file changed while it was read")
            return data

    def copy(self, uri: str, generation: int, target: str, *, sha256: str) -> bool:
        """Copy the file if it still is that generation with these bytes; False if `target` has them already."""
        with _errors():
            if _holds(target, sha256):
                return False
            with _opened(uri) as source:
                mode = stat.S_IMODE(_require(source, generation).st_mode) & 0o666 | 0o600
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                with replacing(target, mode) as partial:
                    if _holds(target, sha256):  # another process did it while we waited for our turn
                        partial.discard()
                        return False
                    digest = hashlib.sha256()
                    while data := os.read(source, CHUNK):
                        digest.update(data)
                        partial.write(data)
                    _require(source, generation)
                    if digest.hexdigest() != sha256:
                        raise Replaced("the bytes are not those that were screened")
            return True

    def withdraw(self, target: str, uri: str, generation: int, *, sha256: str) -> bool:  # noqa: ARG002
        """Delete the copy, known by its bytes: a file says nothing of where it is from."""
        with _errors():
            try:
                with _opened(target) as fd, os.fdopen(os.dup(fd), "rb") as file:
                    there = os.fstat(fd).st_ctime_ns
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                return False
            if digest != sha256:
                raise Replaced("another file stands there")
            self.delete(target, there)
            return True

    def delete(self, uri: str, generation: int) -> None:
        """Delete the file if it still is that generation: moved aside first, then verified, else put back."""
        aside = str(Path(uri).with_name(f".{hashlib.sha256(os.fsencode(uri)).hexdigest()[:32]}.deleted"))
        with _errors():
            try:
                with _opened(uri) as fd:
                    before = _require(fd, generation)
                    os.rename(uri, aside)
                    after = os.lstat(aside)
            except FileNotFoundError:
                return
            # Moving a file changes its change time: so the rest of what a write would change is compared.
            if (before.st_ino, before.st_size, before.st_mtime_ns) != (after.st_ino, after.st_size, after.st_mtime_ns):
                with suppress(FileExistsError):  # unless a newer upload has taken the name already
                    os.link(aside, uri, follow_symlinks=False)
                os.unlink(aside)
                raise Replaced("the file was replaced while it was deleted")
            os.unlink(aside)
            sidecar.forget(uri)

    def label(self, uri: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Note labels of that generation in the folder `.screening` beside the file."""
        with _errors(), _opened(uri) as fd:
            _require(fd, generation)
            known = sidecar.labels(uri, generation)
            if dict(metadata).items() - known.items():
                sidecar.write(uri, generation, {**known, **metadata})

    def open(self, uri: str, generation: int) -> BinaryIO:
        """That generation of the file; links are followed, for it is ours."""
        with _errors():
            return io.BufferedReader(_Generation(uri, generation), CHUNK)

    def get(self, uri: str) -> bytes:
        """The whole file; links are followed, for it is ours."""
        with _errors():
            return Path(uri).read_bytes()

    def put(self, uri: str, data: bytes) -> None:
        """Write the whole file at once, and its folders."""
        with _errors():
            Path(uri).parent.mkdir(parents=True, exist_ok=True)
            with replacing(uri, 0o644) as partial:
                partial.write(data)

    def update(self, uri: str, change: Callable[[bytes | None], bytes]) -> None:
        """Change the whole file at once; writers of one file take turns."""
        with _errors():
            Path(uri).parent.mkdir(parents=True, exist_ok=True)
            with replacing(uri, 0o644) as partial:
                partial.write(change(Path(uri).read_bytes() if Path(uri).exists() else None))

    def exists(self, uri: str) -> bool:
        """Whether there is a file."""
        return Path(uri).is_file()


class _Generation(io.FileIO):
    """A file that may not change while it is read."""

    def __init__(self, path: str, generation: int) -> None:
        super().__init__(path)
        self._generation = generation

    def readinto(self, into: bytearray | memoryview, /) -> int | None:  # type: ignore[override]
        with _errors():
            count = super().readinto(into)
            _require(self.fileno(), self._generation)
            return count

    def readall(self) -> bytes:
        with _errors():
            data = super().readall()
            _require(self.fileno(), self._generation)
            return data


def _folder(prefix: str) -> str:
    root = str(Path(prefix).absolute())
    if not Path(root).is_dir():
        raise ConfigError("no such folder", file=root, fix="name a folder that exists")
    return root


def _upload(path: str, name: str, facts: os.stat_result, *, labels: bool) -> Upload:
    if not stat.S_ISREG(facts.st_mode):
        return Upload(path, name, facts.st_ctime_ns, 0, problem=NO_REGULAR_FILE)
    metadata = sidecar.labels(path, facts.st_ctime_ns) if labels else {}
    created = datetime.fromtimestamp(facts.st_ctime, UTC)
    return Upload(path, name, facts.st_ctime_ns, facts.st_size, metadata=metadata, created_at=created)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    # O_NONBLOCK: opening a FIFO would wait for its writer for ever.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UploadError(NO_REGULAR_FILE)
        yield fd
    finally:
        os.close(fd)


def _require(fd: int, generation: int) -> os.stat_result:
    facts = os.fstat(fd)
    if facts.st_ctime_ns != generation:
        raise Replaced(f"generation {facts.st_ctime_ns}, not {generation}")
    return facts


def _read(fd: int, size: int) -> bytes:
    parts = []
    while size and (data := os.read(fd, size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def _holds(path: str, sha256: str) -> bool:
    try:
        with _opened(path) as fd, os.fdopen(os.dup(fd), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except (FileNotFoundError, UploadError):
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except ScreeningError:
        raise
    except ValueError as error:  # a NUL in the path
        raise UploadError("invalid_name", str(error)) from None
    except OSError as error:
        if error.errno in {errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT}:
            raise TransientError(str(error)) from error
        raise UploadError(_reason(error), os.strerror(error.errno or 0)) from error


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "not_found"
        case errno.ELOOP | errno.ENXIO | errno.EISDIR:  # a link; a socket; a folder
            return NO_REGULAR_FILE
        case errno.ENAMETOOLONG:
            return "invalid_name"
        case _:
            return "unreadable"
