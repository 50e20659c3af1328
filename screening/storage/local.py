"""The store for local folders. The generation of a file is its change time, which its owner can't set.

Anyone who may write to the uploads may change them at any moment, even between two of our calls. So a file is opened
once and judged by its descriptor, no link on the way to it is followed, and a copy is verified before it gets its name.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from screening.errors import ConfigError, Replaced, UploadError
from screening.records import Upload
from screening.storage import sidecar, strict
from screening.storage.atomic import in_reserved, locked, partial
from screening.storage.opened import (
    NO_REGULAR_FILE,
    Generation,
    opened,
    opened_in,
    read,
    reason_of,
    require,
    sha256_of,
    source_errors,
)
from screening.storage.target import Target, target_errors
from screening.storage.walk import Span, subfolders, walk

CHUNK = 1 << 20  # bytes read at a time


class LocalStore:
    """The files below folders of this machine. It has no state, so any thread may use it.

    `moment` is called with the name of a moment and a path, so that tests can make something happen just then.
    """

    def __init__(self, moment: Callable[[str, str], object] = lambda _name, _path: None) -> None:
        self._moment = moment

    def list(self, prefix: str, start: str = "", end: str = "") -> Iterator[Upload]:
        """Yield regular files below `prefix` in the order of their paths, and everything else with its problem."""
        return self._list(_folder(prefix), start, end)

    def _list(self, root: str, start: str, end: str) -> Iterator[Upload]:
        for entry in walk(root, Span(start, end), lambda path: self._moment("listing", path)):
            if entry.facts is None:
                yield Upload(entry.shown, entry.name, entry.generation, 0, problem=entry.problem)
            else:
                yield _upload(entry.path, entry.name, entry.facts, labels=entry.labels)

    def split(self, prefix: str, start: str, end: str, pieces: int) -> Sequence[str]:
        """Return cuts between subfolders, from as many levels as are needed."""
        return subfolders(_folder(prefix), Span(start, end), pieces)

    def stat(self, uri: str, name: str = "") -> Upload:
        """Return the file as it is now; anything but a regular file has its problem."""
        with source_errors():
            return _upload(uri, name or Path(uri).name, strict.facts(uri), labels=True)

    def read(self, uri: str, generation: int, max_bytes: int) -> bytes:
        """Return the bytes of that generation, which is checked before and after reading."""
        with source_errors(), opened(uri) as fd:
            facts = require(fd, generation)
            if facts.st_size > max_bytes:
                raise UploadError("too_large", f"{facts.st_size} bytes, the limit is {max_bytes}")
            self._moment("reading", uri)
            data = read(fd, facts.st_size + 1)
            require(fd, generation)
            if len(data) != facts.st_size:
                raise Replaced("the file changed while it was read")
            return data

    def copy(
        self,
        uri: str,
        generation: int,
        target: str,
        *,
        sha256: str,
        content_type: str = "",  # noqa: ARG002 (a file has none)
        replaces: Collection[str] = (),
    ) -> bool:
        """Copy the file if it is still that generation with these bytes; return False if `target` has them already."""
        place = Target(target, sha256, replaces)
        with place.open() as wanted:
            if not wanted:
                return False
            with source_errors(), opened(uri) as source, place.writing() as file:
                facts, digest = require(source, generation), hashlib.sha256()
                mode, left = stat.S_IMODE(facts.st_mode) & 0o666 | 0o600, facts.st_size
                self._moment("copying", uri)
                while left > 0 and (data := _more(source, min(left, CHUNK))):  # a growing file has no end
                    digest.update(data)
                    file.write(data)
                    left -= len(data)
                require(source, generation)
                if digest.hexdigest() != sha256:
                    raise Replaced("the bytes are not those that were screened")
                return place.place(file, mode, lambda: self._moment("placing", target))

    def withdraw(self, target: str, uri: str, generation: int, *, sha256: str) -> bool:  # noqa: ARG002
        """Delete the copy, which is known by its bytes: a file does not record where it came from."""
        with target_errors(target):
            try:
                with opened(target) as fd:
                    there, digest = os.fstat(fd).st_ctime_ns, sha256_of(fd)
            except FileNotFoundError:
                return False
            if digest != sha256:
                raise Replaced("another file stands there")
            self.delete(target, there)
            return True

    def delete(self, uri: str, generation: int) -> None:
        """Delete the file if it is still that generation: move it aside, check it, and put it back if it is not."""
        with source_errors(), suppress(FileNotFoundError), strict.parent(uri) as (beside, name):
            with opened_in(beside, name) as fd:
                before = require(fd, generation)
                self._moment("deleting", uri)
                in_reserved(beside, lambda folder: _delete(name, beside, folder, before))
            sidecar.forget(name, beside)

    def label(self, uri: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Store labels of that generation in the folder `.screening` beside the file."""
        with source_errors(), opened(uri) as fd:
            require(fd, generation)
            known = sidecar.labels(uri, generation)
            if dict(metadata).items() - known.items():
                with target_errors(uri):
                    sidecar.write(uri, generation, {**known, **metadata})

    def open(self, uri: str, generation: int) -> BinaryIO:
        """Open that generation of a file of our own; links are followed."""
        with source_errors():
            return io.BufferedReader(Generation(uri, generation), CHUNK)

    def get(self, uri: str) -> bytes:
        """Return a whole file of our own; links are followed."""
        with source_errors():
            return Path(uri).read_bytes()

    def put(self, uri: str, data: bytes) -> None:
        """Atomically write a whole file, and make its folders."""
        with source_errors():
            strict.make_folders(str(Path(uri).parent))
            with strict.parent(uri) as (into, name), partial(into) as file:
                file.write(data)
                try:
                    file.create(name, 0o644)
                except FileExistsError:
                    file.replace(name, 0o644)

    def update(self, uri: str, change: Callable[[bytes | None], bytes]) -> None:
        """Atomically change a whole file; those who write the same file take turns."""
        with source_errors():
            strict.make_folders(str(Path(uri).parent))
            with strict.parent(uri) as (into, name), locked(into, name), partial(into) as file:
                file.write(change(Path(uri).read_bytes() if Path(uri).exists() else None))
                file.replace(name, 0o644)

    def exists(self, uri: str) -> bool:
        """Return whether there is a file."""
        return Path(uri).is_file()


def _delete(name: str, beside: int, folder: int, before: os.stat_result) -> None:
    aside = f"{secrets.token_hex(16)}.deleted"
    os.rename(name, aside, src_dir_fd=beside, dst_dir_fd=folder)
    after = os.stat(aside, dir_fd=folder, follow_symlinks=False)
    # Moving a file changes its change time, so everything else that a write would change is compared.
    if _unmoved(before) != _unmoved(after):
        with suppress(FileExistsError):  # unless a newer upload has taken the name already
            os.link(aside, name, src_dir_fd=folder, dst_dir_fd=beside, follow_symlinks=False)
        os.unlink(aside, dir_fd=folder)
        raise Replaced("the file was replaced while it was deleted")
    os.unlink(aside, dir_fd=folder)


def _unmoved(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _more(fd: int, size: int) -> bytes:
    with source_errors():
        return os.read(fd, size)


def _folder(prefix: str) -> str:
    root = str(Path(prefix).absolute())
    try:
        os.close(strict.open_strictly(root, strict.FOLDER))
    except OSError as error:
        if reason_of(error) == NO_REGULAR_FILE:
            raise ConfigError("the path leads through a link", file=root, fix="give the folder's real path") from None
        if reason_of(error) == "unreadable":
            raise ConfigError(f"{os.strerror(error.errno or 0)}", file=root, fix="let this user read it") from None
        raise ConfigError("there is no such folder", file=root, fix="give a folder that exists") from None
    return root


def _upload(path: str, name: str, facts: os.stat_result, *, labels: bool) -> Upload:
    if not stat.S_ISREG(facts.st_mode):
        return Upload(path, name, facts.st_ctime_ns, 0, problem=NO_REGULAR_FILE)
    metadata = sidecar.labels(path, facts.st_ctime_ns) if labels else {}
    created = datetime.fromtimestamp(facts.st_ctime, UTC)
    return Upload(path, name, facts.st_ctime_ns, facts.st_size, metadata=metadata, created_at=created)
