"""Uploads, jobs and tables for the tests of the pipelines; the shipped policy and bundle are the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import release, screen
from screening.tables import ResultTables
from tests.generate import write_articles, write_pictures

SPAM = (
    "CONGRATULATIONS!!! You have WON a FREE prize of $5000 cash. Call now or click http://win.example to claim "
    "your reward today. Limited offer, act NOW, no credit check, 100% guaranteed winner! Reply YES to claim.\n"
) * 4


@dataclass
class Place:
    """A folder (or bucket prefix) of uploads with its results, live and quarantine beside it."""

    uploads: str
    results: str
    live: str
    quarantine: str

    @property
    def tables(self) -> ResultTables:
        return ResultTables(self.results)

    def screen_flags(self, *flags: str) -> list[str]:
        return ["--input", self.uploads, "--results", self.results, *flags]

    def release_flags(self, *flags: str) -> list[str]:
        return ["--results", self.results, "--live", self.live, "--quarantine", self.quarantine, *flags]

    def screen(self, *flags: str) -> int:
        return screen.main(self.screen_flags(*flags))

    def release(self, *flags: str) -> int:
        return release.main(self.release_flags(*flags))

    def rows(self, sql: str) -> list[tuple]:
        return self.tables.connection().execute(sql).fetchall()

    def decisions(self) -> dict[str, str]:
        return dict(self.rows("SELECT name, decision FROM effective_verdicts"))

    def released(self) -> set[str]:
        return {str(path.relative_to(self.live)) for path in Path(self.live).rglob("*") if path.is_file()}


def place_at(folder: Path) -> Place:
    return Place(*(str(folder / name) for name in ("uploads", "results", "live", "quarantine")))


def fill(uploads: Path) -> None:
    """Eight articles, four pictures, one spam, one that is no medium at all and one empty file."""
    write_articles(uploads / "news", 8, seed=3, mean_words=120)
    write_pictures(uploads / "photos", 4, seed=5)
    (uploads / "spam.txt").write_text(SPAM)
    (uploads / "nothing.bin").write_bytes(bytes(range(256)) * 8)
    (uploads / "empty.txt").write_bytes(b"")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    fill(tmp_path / "uploads")
    return place_at(tmp_path)


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[[Sequence[dict]], str]:
    def write(rows: Sequence[dict]) -> str:
        path = tmp_path / "manifest.parquet"
        pa.parquet.write_table(pa.Table.from_pylist(list(rows)), path)
        return str(path)

    return write


def start(module: str, flags: Sequence[str], **env: str) -> subprocess.Popen[str]:
    """The job as a process group of its own, to be killed whole."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, **env},
    )
