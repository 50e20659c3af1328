"""Files that appear at once and whole, or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Partial:
    """A file that has no name yet."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.wanted = True

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def discard(self) -> None:
        """Leave what is there as it is."""
        self.wanted = False


@contextmanager
def replacing(target: str, mode: int) -> Iterator[Partial]:
    """What is written becomes `target` when the block ends, unless it raises; one writer at a time.

    The partial file has a name derived from the target's, hidden and readable by us alone: what a killed
    process leaves is taken over by the next writer of the same target and not by nobody.
    """
    path = Path(target)
    partial = str(path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.partial"))
    fd = _locked(partial)
    try:
        os.ftruncate(fd, 0)
        file = Partial(fd)
        try:
            yield file
        except BaseException:  # an interrupt too must leave nothing half-written
            os.unlink(partial)
            raise
        if not file.wanted:
            os.unlink(partial)
            return
        os.fchmod(fd, mode)
        os.fsync(fd)
        os.replace(partial, target)
        _sync_folder(path.parent)
    finally:
        os.close(fd)


def _locked(path: str) -> int:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # the writer before us has renamed or removed it while we waited


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
