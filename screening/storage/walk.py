"""List a folder's files in the order of their paths, without recursion and without following a link."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from screening.storage.names import SIDECAR, name_problem
from screening.storage.opened import reason_of
from screening.storage.strict import FOLDER, facts, open_strictly


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that lies below the folder.

    `path` opens it; `shown` is the path as text that any table can hold; `name` is `shown` relative to the folder;
    `labels` says whether it may have labels. `facts` is its `os.lstat`, or None if it has a `problem`; then
    `generation` is set if it is known, else 0.
    """

    path: str
    shown: str
    name: str
    labels: bool = False
    facts: os.stat_result | None = None
    generation: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The names from `first` up to but not including `end`; "" means no end."""

    first: str = ""
    end: str = ""

    def holds(self, name: str) -> bool:
        """Return whether a file of this name is in the span."""
        return self.first <= name and (not self.end or name < self.end)

    def meets(self, folder: str) -> bool:
        """Return whether the folder, or anything in it, can be in the span."""
        inside = f"{folder}/"
        return (not self.end or folder < self.end) and (self.first <= inside or self.first.startswith(inside))


def walk(root: str, span: Span, entering: Callable[[str], object] = lambda _: None) -> Iterator[Entry]:
    """Yield everything below `root` that is not a folder and has a name in `span`.

    It holds in memory the names, as far as they are in `span`, of one folder of each level. `entering` is called with
    each folder before its names are read.
    """
    start = _start(root)
    entering(root)
    pending = [(root, iter(_folder(root, root, start, span)))]
    with closing(_Here()) as here:
        while pending:
            folder, items = pending[-1]
            item = next(items, None)
            if item is None:
                pending.pop()
                continue
            path, shown, is_folder, labels = item
            name = shown[start:]
            if is_folder:
                entering(path)
                try:
                    pending.append((path, iter(_folder(path, shown, start, span))))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if span.holds(name):
                        yield _failed(path, start, reason_of(error))
            elif name_problem(path[start:], bucket=False):
                yield _failed(path, start, "invalid_name")
            else:
                try:
                    yield Entry(path, shown, name, labels, here.facts(folder, path))
                except FileNotFoundError:
                    continue  # it was deleted after its folder was read
                except OSError as error:
                    yield _failed(path, start, reason_of(error))


class _Here:
    """Holds open the folder whose files are looked at, so that the names above it are resolved once."""

    def __init__(self) -> None:
        self._folder, self._fd = "", -1

    def facts(self, folder: str, path: str) -> os.stat_result:
        """Return the `os.lstat` of a file in the folder."""
        if folder != self._folder:
            self.close()
            self._fd, self._folder = open_strictly(folder, FOLDER), folder
        return os.stat(path.rpartition("/")[2], dir_fd=self._fd, follow_symlinks=False)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._folder, self._fd = "", -1


def subfolders(root: str, span: Span, count: int) -> list[str]:
    """Return names of folders below `root`, each with a slash, at which to cut `span` into about `count` parts."""
    start = _start(root)
    found: list[str] = []
    level = [(root, root)]
    while level and len(found) < count - 1:
        deeper = []
        for path, shown in level:
            with suppress(OSError):  # listing it will report the error
                deeper += [item[:2] for item in _folder(path, shown, start, span, files=False)]
        names = (f"{shown[start:]}/" for _, shown in deeper)
        found += [name for name in names if span.first < name and span.holds(name)]
        level = deeper
    return sorted(found)


def _start(root: str) -> int:
    return len(root.rstrip("/")) + 1


_Item = tuple[str, str, bool, bool]


def _folder(path: str, shown: str, start: int, span: Span, *, files: bool = True) -> list[_Item]:
    """List one folder so that whole paths are in order: a folder sorts as if its name ended in a slash."""
    found = []
    labels = False
    base, shown_base = path.rstrip("/"), shown.rstrip("/")
    above = f"{shown_base}/"[start:]
    with _scanned(path) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and entry.name == SIDECAR:
                labels = True
                continue
            text = _text(entry.name)
            if span.meets(above + text) if is_folder else files and span.holds(above + text):
                found.append((text + "/" * is_folder, entry.name, is_folder))
    return [
        (f"{base}/{name}", f"{shown_base}/{text.rstrip('/')}", is_folder, labels)
        for text, name, is_folder in sorted(found)
    ]


@contextmanager
def _scanned(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    fd = open_strictly(path, FOLDER)
    try:
        with os.scandir(fd) as entries:
            yield entries
    finally:
        os.close(fd)


def _text(name: str) -> str:
    """Return the name, with each byte that is not UTF-8 spelled as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _failed(path: str, start: int, problem: str) -> Entry:
    """Return the entry of something that can't be screened.

    A name that is not UTF-8 is spelled like no other: with `\\` doubled, and with a `/` at its end, which no file has.
    """
    name = path[start:]
    if (text := _text(name)) != name:
        text = _text(name.replace("\\", "\\\\")) + "/"
    return Entry(path, path[:start] + text, text, generation=_generation(path), problem=problem)


def _generation(path: str) -> int:
    try:
        return facts(path).st_ctime_ns
    except OSError:
        return 0
