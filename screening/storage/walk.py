"""A folder's files in the order of their paths, without recursion and without following a link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from screening.storage.names import SIDECAR, name_problem


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that lies below the folder.

    `path` opens it; `shown` is the same as a text that any table can hold; `name` is `shown` below the folder;
    `labels` says whether it may have some. With a `problem`, `generation` is what is known, or 0.
    """

    path: str
    shown: str
    name: str
    labels: bool = False
    generation: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The names from `first` up to `end`, which is not included; "" is no end."""

    first: str = ""
    end: str = ""

    def holds(self, name: str) -> bool:
        """Whether a file of this name is within."""
        return self.first <= name and (not self.end or name < self.end)

    def meets(self, folder: str) -> bool:
        """Whether the folder, or anything in it, can be within."""
        inside = f"{folder}/"
        return (not self.end or folder < self.end) and (self.first <= inside or self.first.startswith(inside))


def walk(root: str, span: Span) -> Iterator[Entry]:
    """Everything below `root` that is no folder and has a name within `span`.

    Holds the names of one folder of each level in memory, as far as they are within it.
    """
    start = _start(root)
    pending = [iter(_folder(root, root, start, span))]
    while pending:
        item = next(pending[-1], None)
        if item is None:
            pending.pop()
            continue
        path, shown, is_folder, labels = item
        name = shown[start:]
        if is_folder:
            try:
                pending.append(iter(_folder(path, shown, start, span)))
            except FileNotFoundError:
                continue
            except OSError:
                if span.holds(name):
                    yield _failed(path, start, "unreadable")
        elif name_problem(path[start:], bucket=False):
            yield _failed(path, start, "invalid_name")
        else:
            yield Entry(path, shown, name, labels)


def subfolders(root: str, span: Span, count: int) -> list[str]:
    """Names of folders below `root`, each with a slash, at which to cut `span`; deeper until there are `count`."""
    start = _start(root)
    found: list[str] = []
    level = [(root, root)]
    while level and len(found) < count - 1:
        deeper = []
        for path, shown in level:
            with suppress(OSError):  # whoever lists it says so
                deeper += [item[:2] for item in _folder(path, shown, start, span, files=False)]
        names = (f"{shown[start:]}/" for _, shown in deeper)
        found += [name for name in names if span.first < name and span.holds(name)]
        level = deeper
    return sorted(found)


def _start(root: str) -> int:
    return len(root.rstrip("/")) + 1


_Item = tuple[str, str, bool, bool]


def _folder(path: str, shown: str, start: int, span: Span, *, files: bool = True) -> list[_Item]:
    """Sorted so that whole paths are in order: a folder sorts as if its name ended in a slash."""
    found = []
    labels = False
    base, shown_base = path.rstrip("/"), shown.rstrip("/")
    above = f"{shown_base}/"[start:]
    with os.scandir(path) as entries:
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


def _text(name: str) -> str:
    """The name itself, or with what is not UTF-8 written out as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _failed(path: str, start: int, problem: str) -> Entry:
    """A name that is not UTF-8 is spelled as no other: with `\\` doubled, and a `/` at its end, as no file has."""
    name = path[start:]
    if (text := _text(name)) != name:
        text = _text(name.replace("\\", "\\\\")) + "/"
    return Entry(path, path[:start] + text, text, generation=_generation(path), problem=problem)


def _generation(path: str) -> int:
    try:
        return os.lstat(path).st_ctime_ns
    except OSError:
        return 0
