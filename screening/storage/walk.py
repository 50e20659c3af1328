"""A folder's files in the order of their paths, without recursion and without following a link."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


def walk(root: str) -> Iterator[Entry]:
    """Everything below `root` that is no folder; holds the names of one folder of each level in memory."""
    start = 0 if root == "/" else len(root)
    pending = [iter(_folder(root, root))]
    while pending:
        item = next(pending[-1], None)
        if item is None:
            pending.pop()
            continue
        path, shown, is_folder, labels = item
        name = shown[start:].lstrip("/")
        if is_folder:
            try:
                pending.append(iter(_folder(path, shown)))
            except FileNotFoundError:
                continue
            except OSError:
                yield Entry(path, shown, name, generation=_generation(path), problem="unreadable")
        elif name_problem(path[start:].lstrip("/"), bucket=False):
            yield Entry(path, shown, name, generation=_generation(path), problem="invalid_name")
        else:
            yield Entry(path, shown, name, labels)


def _folder(path: str, shown: str) -> list[tuple[str, str, bool, bool]]:
    """Sorted so that whole paths are in order: a folder sorts as if its name ended in a slash."""
    found = []
    labels = False
    with os.scandir(path) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and entry.name == SIDECAR:
                labels = True
                continue
            found.append((_text(entry.name) + "/" * is_folder, entry.name, is_folder))
    base, shown_base = path.rstrip("/"), shown.rstrip("/")
    return [
        (f"{base}/{name}", f"{shown_base}/{text.rstrip('/')}", is_folder, labels)
        for text, name, is_folder in sorted(found)
    ]


def _text(name: str) -> str:
    """The name itself, or with what is not UTF-8 written out as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _generation(path: str) -> int:
    try:
        return os.lstat(path).st_ctime_ns
    except OSError:
        return 0
