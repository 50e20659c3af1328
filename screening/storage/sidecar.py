"""Labels of local files. Those of one file are a small JSON file in the folder `.screening` beside it.

A label is bound to the generation that it was given to, and means nothing once the file has been replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from screening.storage.atomic import in_reserved, partial, reserved
from screening.storage.names import SIDECAR
from screening.storage.strict import open_strictly, parent

MAX_BYTES = 1 << 16  # of one file's labels; we never write more


def labels(path: str, generation: int) -> dict[str, str]:
    """Return the labels of the file at that generation. Anyone who may upload may also forge them."""
    above, name = os.path.split(path)
    try:
        with open(f"{above}/{SIDECAR}/{_file(name)}", "rb", opener=_careful) as file:
            noted = json.loads(file.read(MAX_BYTES))
        if noted["generation"] == generation:
            return {str(key): str(value) for key, value in noted["metadata"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass  # there are none, or we did not write them
    return {}


def write(path: str, generation: int, metadata: Mapping[str, str]) -> None:
    """Store all labels of the file at that generation, replacing older ones."""
    noted = {"name": Path(path).name, "generation": generation, "metadata": dict(metadata)}

    def note(folder: int) -> None:
        with partial(folder, private=True) as file:
            file.write(json.dumps(noted, sort_keys=True).encode())
            file.replace(_file(Path(path).name), 0o644)

    with parent(path) as (beside, _):
        in_reserved(beside, note)


def forget(name: str, beside: int) -> None:
    """Remove the labels of a file that was deleted from the folder `beside`."""
    with suppress(OSError), reserved(beside) as folder:  # most files have none
        os.unlink(_file(name), dir_fd=folder)
        os.rmdir(SIDECAR, dir_fd=beside)


def _careful(path: str, flags: int) -> int:
    return open_strictly(path, flags | os.O_NONBLOCK)  # a FIFO must not hold up the listing


def _file(name: str) -> str:
    return f"{hashlib.sha256(os.fsencode(name)).hexdigest()}.json"  # a name of 255 bytes leaves no room for a suffix
