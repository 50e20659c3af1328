"""Labels of local files: one small JSON file each in the folder `.screening` beside them.

A label is bound to the generation it was given to, and means nothing once the file has been replaced.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from screening.storage.atomic import replacing
from screening.storage.names import SIDECAR

MAX_BYTES = 1 << 16  # of one file's labels; more was not written by us


def labels(path: str, generation: int) -> dict[str, str]:
    """The labels of the file at that generation; whoever may upload may also forge them."""
    try:
        with open(_place(path), "rb", opener=_careful) as file:
            noted = json.loads(file.read(MAX_BYTES))
        if noted["generation"] == generation:
            return {str(key): str(value) for key, value in noted["metadata"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass  # none, or not written by us
    return {}


def write(path: str, generation: int, metadata: Mapping[str, str]) -> None:
    """Note all labels of the file at that generation, in place of older ones."""
    place = _place(path)
    place.parent.mkdir(exist_ok=True)
    if place.parent.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "the folder of labels is a link", str(place.parent))
    noted = {"name": Path(path).name, "generation": generation, "metadata": dict(metadata)}
    with replacing(str(place), 0o644) as partial:
        partial.write(json.dumps(noted, sort_keys=True).encode())


def forget(path: str) -> None:
    """Remove the labels of a file that was deleted."""
    _place(path).unlink(missing_ok=True)


def _careful(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a FIFO must not hold up the listing


def _place(path: str) -> Path:
    # A name of 255 bytes leaves no room for a suffix: so its digest.
    return Path(path).parent / SIDECAR / f"{hashlib.sha256(os.fsencode(Path(path).name)).hexdigest()}.json"
