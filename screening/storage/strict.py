"""Open files of this machine by paths in which no part is a link.

Anyone who may upload may also swap a folder for a link between two of our calls. So the kernel resolves each path anew
and refuses every link on the way (openat2(2), `RESOLVE_NO_SYMLINKS`, Linux 5.6). Where there is no such call, the path
is walked folder by folder through descriptors. Roots that people name are resolved once, by `places.place`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_OPENAT2 = 437  # the same number on every architecture
_AT_FDCWD = -100
_RESOLVE_NO_SYMLINKS = 0x04
_UNKNOWN = {errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.E2BIG}  # an older kernel, or a container that denies it

FOLDER = os.O_RDONLY | os.O_DIRECTORY
PASSING = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY  # passing through a folder needs no right to read it


class _How(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_strictly(path: str, flags: int) -> int:
    """Return a descriptor of what is at an absolute `path`. Raises OSError ELOOP if any part of it is a link."""
    return _open(path, flags | os.O_CLOEXEC)


@contextmanager
def folder(path: str) -> Iterator[int]:
    """Yield a descriptor of a folder, for calls that take a `dir_fd`."""
    fd = open_strictly(path, FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def parent(path: str) -> Iterator[tuple[int, str]]:
    """Yield a descriptor of the folder that holds `path`, and the name in it."""
    above, name = os.path.split(path)
    with folder(above) as fd:
        yield fd, name


def facts(path: str) -> os.stat_result:
    """Return the `os.lstat` of a path. Raises OSError ELOOP if the way there leads through a link."""
    above, name = os.path.split(path)
    fd = open_strictly(above, PASSING)
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    finally:
        os.close(fd)


def make_folders(path: str) -> None:
    """Make a folder, and those above it that are missing."""
    missing: list[str] = []
    while True:
        try:
            os.close(open_strictly(path, PASSING))
            break
        except FileNotFoundError:
            path, name = os.path.split(path)
            missing.append(name)
    for name in reversed(missing):
        with folder(path) as fd:
            try:
                os.mkdir(name, dir_fd=fd)
            except FileExistsError:  # made meanwhile; if it is no folder, opening it fails
                os.close(open_strictly(f"{path}/{name}", PASSING))
        path = f"{path.rstrip('/')}/{name}"


def by_kernel(path: str, flags: int) -> int:
    """Open a path with one system call. Raises an OSError of `_UNKNOWN` if the kernel does not have that call."""
    how = _How(flags, 0, _RESOLVE_NO_SYMLINKS)
    fd: int = _LIBC.syscall(_OPENAT2, _AT_FDCWD, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return fd


def by_walking(path: str, flags: int) -> int:
    """Open a path part by part from the root."""
    *above, name = [part for part in path.split("/") if part] or ["."]
    here = os.open("/", PASSING | os.O_CLOEXEC)
    try:
        for part in above:
            below = _step(part, PASSING | os.O_CLOEXEC, here)
            os.close(here)
            here = below
        return _step(name, flags, here)
    finally:
        os.close(here)


def _step(name: str, flags: int, inside: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=inside)
    except NotADirectoryError:  # also raised for a link, if a folder is wanted
        if stat.S_ISLNK(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise


def _way() -> Callable[[str, int], int]:
    if not hasattr(os, "O_PATH"):  # not Linux
        return by_walking
    try:
        os.close(by_kernel("/", PASSING | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in _UNKNOWN:
            return by_walking
        raise
    return by_kernel


_LIBC = ctypes.CDLL(None, use_errno=True)
_open = _way()
