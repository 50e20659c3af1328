"""Write files atomically: each appears at once and whole, or not at all.

While it is being written, a file has no name if the kernel allows that (`O_TMPFILE`, Linux). Otherwise it has a
temporary name in the folder `.screening` beside it, which no upload's name can reach (`names.name_problem`). The file
that appears is the one that was written, whoever else writes there. Temporary names are locked while they are in use;
what a killed process left behind is removed by the next process that writes into the same folder.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from screening.storage.names import SIDECAR
from screening.storage.strict import FOLDER

_NAMELESS = os.O_TMPFILE | os.O_WRONLY if hasattr(os, "O_TMPFILE") else 0
_BY_FD = os.path.exists("/proc/self/fd")  # then an open file can be given a name, whatever became of its old one
_UNABLE = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}  # answers of file systems without O_TMPFILE
_PARTIAL, _LOCK = ".partial", ".lock"
_TRIES = 100
T = TypeVar("T")


class Partial:
    """A file that is being written; `create` or `replace` gives it a name in the folder `into`.

    `private` says that this folder is itself a folder `.screening`.
    """

    def __init__(self, into: int, *, private: bool = False) -> None:
        self._into = into
        self._private = private
        self._aside = ""  # its temporary name in the folder `.screening`, while it has one
        sweep(into)
        self._fd = _nameless(into)
        if self._fd < 0:
            self._aside = f"{secrets.token_hex(16)}{_PARTIAL}"
            self._fd = self._aside_folder(lambda folder: _lock(folder, self._aside))

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def create(self, name: str, mode: int) -> None:
        """Give the file a name. Raises FileExistsError if something has that name already."""
        self._settle(mode)
        if _BY_FD:
            self._link(name, self._into)
        else:
            self._aside_folder(lambda folder: _move(folder, self._aside, self._into, name))
            self._aside = ""
            self.require_at(name)
        os.fsync(self._into)

    def replace(self, name: str, mode: int) -> None:
        """Give the file a name, replacing what has that name now."""
        self._settle(mode)
        if not self._aside:
            own = f"{secrets.token_hex(16)}{_PARTIAL}"
            self._aside_folder(lambda folder: self._link(own, folder))
            self._aside = own
        self._aside_folder(lambda folder: os.rename(self._aside, name, src_dir_fd=folder, dst_dir_fd=self._into))
        self._aside = ""
        os.fsync(self._into)

    def require_at(self, name: str) -> None:
        """Check that the name is this file's; if it is another's, remove that file and raise OSError EBUSY."""
        there = os.stat(name, dir_fd=self._into, follow_symlinks=False)
        if not os.path.samestat(there, os.fstat(self._fd)):
            os.unlink(name, dir_fd=self._into)
            raise OSError(errno.EBUSY, "something else took its name at the same time", name)

    def close(self) -> None:
        """Close the file, and remove it if it was given no name."""
        if self._aside:
            with suppress(OSError):
                self._aside_folder(lambda folder: os.unlink(self._aside, dir_fd=folder))
        os.close(self._fd)

    def _aside_folder(self, act: Callable[[int], T]) -> T:
        return act(self._into) if self._private else in_reserved(self._into, act)

    def _settle(self, mode: int) -> None:
        os.fchmod(self._fd, mode)
        os.fsync(self._fd)

    def _link(self, name: str, folder: int) -> None:
        os.link(f"/proc/self/fd/{self._fd}", name, dst_dir_fd=folder, follow_symlinks=True)


@contextmanager
def partial(into: int, *, private: bool = False) -> Iterator[Partial]:
    """Yield a file to write into the folder `into`; it is removed if it has no name when the block ends."""
    file = Partial(into, private=private)
    try:
        yield file
    finally:
        file.close()


@contextmanager
def locked(into: int, name: str) -> Iterator[None]:
    """Hold the lock on the file `name` of the folder `into`, so that those who change it take turns."""
    lock = f"{hashlib.sha256(os.fsencode(name)).hexdigest()}{_LOCK}"
    fd = in_reserved(into, lambda folder: _lock(folder, lock))
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            in_reserved(into, lambda folder: os.unlink(lock, dir_fd=folder))
        os.close(fd)


def in_reserved(into: int, act: Callable[[int], T]) -> T:
    """Return `act(folder)` for the folder `.screening` of `into`, which is made before and removed when it is empty."""
    for more in reversed(range(_TRIES)):
        with suppress(FileExistsError):
            os.mkdir(SIDECAR, dir_fd=into)
        try:
            with reserved(into) as folder:
                return act(folder)
        except FileNotFoundError:  # it was empty, and another process has removed it
            if not more:
                raise
        finally:
            with suppress(OSError):
                os.rmdir(SIDECAR, dir_fd=into)
    raise AssertionError


@contextmanager
def reserved(into: int) -> Iterator[int]:
    """Yield a descriptor of the folder `.screening` of `into`. Raises FileNotFoundError if there is none."""
    fd = os.open(SIDECAR, FOLDER | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=into)
    try:
        yield fd
    finally:
        os.close(fd)


def sweep(into: int) -> None:
    """Remove what killed processes left in the folder `.screening` of `into`."""
    with suppress(OSError), reserved(into) as folder:  # there is no such folder, or another process sweeps it
        for name in os.listdir(folder):
            if name.endswith((_PARTIAL, _LOCK)):
                _remove_if_left(folder, name)
        os.rmdir(SIDECAR, dir_fd=into)


def _remove_if_left(folder: int, name: str) -> None:
    fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder)
    except (BlockingIOError, FileNotFoundError):
        pass  # it is in use, or another process removes it
    finally:
        os.close(fd)


def _nameless(into: int) -> int:
    """Return a descriptor of a new file without a name, or -1 if there can be none here."""
    if not _NAMELESS or not _BY_FD:
        return -1
    try:
        fd = os.open(".", _NAMELESS | os.O_CLOEXEC, 0o600, dir_fd=into)
    except OSError as error:
        if error.errno in _UNABLE:
            return -1
        raise
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def _lock(folder: int, name: str) -> int:
    """Open the file `name`, made if it is missing, wait for its lock, and return the descriptor."""
    while True:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(fd), os.stat(name, dir_fd=folder, follow_symlinks=False)):
                return fd
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # the process that had it before us has removed it


def _move(source: int, old: str, target: int, new: str) -> None:
    """Rename without ever replacing anything. Raises FileExistsError if the new name is taken."""
    try:
        os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP}:  # a file system without hard links
            raise
        with locked(target, new):
            try:
                os.stat(new, dir_fd=target, follow_symlinks=False)
            except FileNotFoundError:
                os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
                return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from None
    os.unlink(old, dir_fd=source)
