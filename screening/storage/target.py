"""Copy uploads into a folder of ours: each copy is whole, and none replaces another upload's copy."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from screening.errors import ScreeningError, TargetError
from screening.storage import strict
from screening.storage.atomic import Partial, locked, partial
from screening.storage.opened import READING, sha256_of

TAKEN = "another upload's copy, or somebody's own file, stands there"
_SAID = {
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where the file is needed",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.ELOOP: "a link stands there, or on the way",
    errno.EBUSY: "something else took its name at the same time",
    errno.EILSEQ: "this file system has no such names",
}


class Target:
    """The name `path` in a folder of ours, which is made if it is missing. Raises TargetError whatever goes wrong.

    The copy, whose bytes have `sha256`, may appear if nothing is there yet, or a file whose SHA-256 is in `replaces`,
    those of earlier generations of the same upload.
    """

    def __init__(self, path: str, sha256: str, replaces: Collection[str]) -> None:
        self.path = path
        self._into, self._name = -1, os.path.basename(path)
        self._sha256 = sha256
        self._replaces = replaces
        self._there: str | None = None

    @contextmanager
    def open(self) -> Iterator[bool]:
        """Yield whether the copy still has to be made."""
        with target_errors(self.path):
            above = os.path.dirname(self.path)
            strict.make_folders(above)
            with strict.folder(above) as self._into:
                yield not self._is_done()

    @contextmanager
    def writing(self) -> Iterator[Partial]:
        """Yield the copy, to be written before it has its name."""
        with target_errors(self.path), partial(self._into) as file:
            yield file

    def place(self, file: Partial, mode: int, moment: Callable[[], object]) -> bool:
        """Give the copy its name; return False if another release has made the same copy meanwhile."""
        with target_errors(self.path):
            moment()
            if self._there is None:
                try:
                    file.create(self._name, mode)
                    return True
                except FileExistsError:
                    self._replaces = ()  # whatever is there now, it is not what we looked at
                    return not self._is_done()
            with locked(self._into, self._name):
                if self._is_done():
                    return False
                file.replace(self._name, mode)
                file.require_at(self._name)
                return True

    def _is_done(self) -> bool:
        self._there = self._digest()
        if self._there is None or self._there in self._replaces:
            return False
        if self._there != self._sha256:
            raise TargetError(f"{self.path}: {TAKEN}")
        return True

    def _digest(self) -> str | None:
        """Return the SHA-256 of the file that is there, or None if there is nothing."""
        try:
            fd = os.open(self._name, READING | os.O_NOFOLLOW, dir_fd=self._into)
        except FileNotFoundError:
            return None
        try:
            mode = os.fstat(fd).st_mode
            if not stat.S_ISREG(mode):
                raise TargetError(f"{self.path}: {_SAID[errno.EISDIR] if stat.S_ISDIR(mode) else TAKEN}")
            return sha256_of(fd)
        finally:
            os.close(fd)


@contextmanager
def target_errors(path: str) -> Iterator[None]:
    """Turn errors in the block into TargetError, with the target's path and what is wrong with it."""
    try:
        yield
    except ScreeningError:
        raise
    except ValueError as error:  # a NUL in the path
        raise TargetError(f"{path!r}: {error}") from None
    except OSError as error:
        said = _SAID.get(error.errno or 0) or os.strerror(error.errno or 0)
        raise TargetError(f"{path}: {said}") from error
