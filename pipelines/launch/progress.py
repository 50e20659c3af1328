"""A progress bar for local runs, fed by workers in this process or in its children.

Each worker appends one byte per upload to a file, and the launcher reads the files' sizes. On a cluster, the engine's
own pages show the job's counters instead.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


@dataclass(frozen=True, slots=True)
class Progress:
    """Where workers record their progress; `folder` is "" if nobody reads it."""

    folder: str = ""

    def listed(self, count: int) -> None:
        """Record that `count` more uploads are to be screened."""
        self._mark("listed", count)

    def screened(self, count: int) -> None:
        """Record that `count` more uploads have a verdict."""
        self._mark("screened", count)

    def _mark(self, name: str, count: int) -> None:
        if self.folder and count:
            with (Path(self.folder) / name).open("ab", buffering=0) as marks:
                marks.write(b"." * count)

    def _count(self, name: str) -> int:
        path = Path(self.folder) / name
        return path.stat().st_size if path.exists() else 0


@contextmanager
def progress_bar(wanted: bool) -> Iterator[Progress]:
    """Show a progress bar while the block runs, if it is `wanted` and stderr is a terminal."""
    if not wanted or not os.isatty(2):
        yield Progress()
        return
    with tempfile.TemporaryDirectory(prefix="screening-") as folder:
        progress, done = Progress(folder), threading.Event()
        watcher = threading.Thread(target=_watch, args=(progress, done), daemon=True)
        watcher.start()
        try:
            yield progress
        finally:
            done.set()
            watcher.join()


def _watch(progress: Progress, done: threading.Event) -> None:
    columns = (TextColumn("screening"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("screening", total=None)
        while True:
            last = done.wait(0.2)
            bar.update(task, completed=progress._count("screened"), total=progress._count("listed") or None)
            if last:
                return
