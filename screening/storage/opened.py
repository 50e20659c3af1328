"""Open files and keep to their descriptors: what is read is one regular file, even if its name is reused later."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from screening.errors import Replaced, ScreeningError, TransientError, UploadError
from screening.storage.strict import open_strictly

NO_REGULAR_FILE = "not_a_regular_file"
READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # opening a FIFO could wait for ever


@contextmanager
def opened(path: str) -> Iterator[int]:
    """Yield a descriptor of the regular file at `path`, in which no part is a link.

    Raises UploadError if it is not a regular file, and OSError if it can't be opened.
    """
    with regular(open_strictly(path, READING)) as fd:
        yield fd


@contextmanager
def opened_in(folder: int, name: str) -> Iterator[int]:
    """Yield a descriptor of the regular file `name` in an open folder, as `opened` does."""
    with regular(os.open(name, READING | os.O_NOFOLLOW, dir_fd=folder)) as fd:
        yield fd


@contextmanager
def regular(fd: int) -> Iterator[int]:
    """Yield the descriptor, and close it afterwards. Raises UploadError unless it is a regular file's."""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UploadError(NO_REGULAR_FILE)
        yield fd
    finally:
        os.close(fd)


def require(fd: int, generation: int) -> os.stat_result:
    """Return the `os.fstat` of an open file. Raises Replaced if it is another generation."""
    facts = os.fstat(fd)
    if facts.st_ctime_ns != generation:
        raise Replaced(f"generation {facts.st_ctime_ns}, not {generation}")
    return facts


def read(fd: int, size: int) -> bytes:
    """Return the next bytes of an open file, at most `size`."""
    parts = []
    while size and (data := os.read(fd, size)):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def sha256_of(fd: int) -> str:
    """Return the SHA-256 of an open file from its current position on."""
    with os.fdopen(os.dup(fd), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Generation(io.FileIO):
    """A file of our own, opened through links too; a read raises Replaced if it is no longer that generation."""

    def __init__(self, path: str, generation: int) -> None:
        super().__init__(path, opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK))
        self._generation = generation

    def readinto(self, into: bytearray | memoryview, /) -> int | None:  # type: ignore[override]  # any buffer, says io
        with source_errors():
            count = super().readinto(into)
            require(self.fileno(), self._generation)
            return count

    def readall(self) -> bytes:
        with source_errors():
            data = super().readall()
            require(self.fileno(), self._generation)
            return data


@contextmanager
def source_errors() -> Iterator[None]:
    """Turn errors in the block into UploadError (the upload's fault) or TransientError (the machine's)."""
    try:
        yield
    except ScreeningError:
        raise
    except ValueError as error:  # a NUL in the path
        raise UploadError("invalid_name", str(error)) from None
    except OSError as error:
        if error.errno in {errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT}:
            raise TransientError(str(error)) from error
        raise UploadError(reason_of(error), os.strerror(error.errno or 0)) from error


def reason_of(error: OSError) -> str:
    """Return the reason id for an upload that can't be opened."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "not_found"
        case errno.ELOOP | errno.ENXIO | errno.EISDIR:  # a link; a socket; a folder
            return NO_REGULAR_FILE
        case errno.ENAMETOOLONG:
            return "invalid_name"
        case _:
            return "unreadable"
