"""Uploads, jobs and tables for the tests of the pipelines: `place` costs little, `shipped` is what users have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import release, screen
from screening.records import Run, Verdict
from screening.settings import Settings, load_settings
from screening.storage import open_store
from screening.tables import ResultTables
from tests.generate import write_articles, write_pictures
from tests.pipelines.light import Light

SPAM = (
    "CONGRATULATIONS!!! You have WON a FREE prize of $5000 cash. Call now or click http://win.example to claim "
    "your reward today. Limited offer, act NOW, no credit check, 100% guaranteed winner! Reply YES to claim.\n"
) * 4


@dataclass
class Place:
    """A folder (or bucket prefix) of uploads with its results, live and quarantine beside it.

    Its jobs have the policy and bundles that ship, unless it has some of its own.
    """

    uploads: str
    results: str
    live: str
    quarantine: str
    light: Light | None = None

    @property
    def tables(self) -> ResultTables:
        return ResultTables(self.results)

    @property
    def own(self) -> list[str]:
        return self.light.flags if self.light else []

    def settings(self) -> Settings:
        return load_settings(self.light.policy, [self.light.bundles]) if self.light else load_settings()

    def screen_flags(self, *flags: str) -> list[str]:
        few = ["--cores", "1"] if self.light else []  # a child that decodes is started for each, and takes a second
        return ["--input", self.uploads, "--results", self.results, *self.own, *few, *flags]

    def release_flags(self, *flags: str) -> list[str]:
        return ["--results", self.results, "--live", self.live, "--quarantine", self.quarantine, *self.own, *flags]

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


def place_at(folder: Path, light: Light | None = None) -> Place:
    return Place(*(str(folder / name) for name in ("uploads", "results", "live", "quarantine")), light)


def fill(uploads: Path) -> None:
    """Eight articles, four pictures, one spam, one that is no medium at all and one empty file."""
    write_articles(uploads / "news", 8, seed=3, mean_words=120)
    write_pictures(uploads / "photos", 4, seed=5)
    (uploads / "spam.txt").write_text(SPAM)
    (uploads / "nothing.bin").write_bytes(bytes(range(256)) * 8)
    (uploads / "empty.txt").write_bytes(b"")


@pytest.fixture(autouse=True)
def _decoders(kept_decoders: None) -> None:
    """No job here is about the start of its decoders."""


@pytest.fixture(scope="session")
def light(tmp_path_factory: pytest.TempPathFactory) -> Light:
    return Light(tmp_path_factory.mktemp("light"))


@pytest.fixture
def place(tmp_path: Path, light: Light) -> Place:
    """What `fill` makes, with a policy and a bundle that cost next to nothing."""
    fill(tmp_path / "uploads")
    return place_at(tmp_path, light)


@pytest.fixture
def shipped(tmp_path: Path) -> Place:
    """What `fill` makes, with the policy and the bundle that ship."""
    fill(tmp_path / "uploads")
    return place_at(tmp_path)


@dataclass(frozen=True)
class Found:
    """What a real job found in the uploads that `fill` makes."""

    run: Run
    verdicts: list[Verdict]

    def commit(self, place: Place, run_id: str = "one") -> None:
        """Give a place the tables that this job would have left there, without running it again."""
        listed = {upload.name: upload for upload in open_store(place.uploads).list(place.uploads)}
        assert listed.keys() == {verdict.name for verdict in self.verdicts}
        rows = [
            replace(each, run_id=run_id, uri=listed[each.name].uri, generation=listed[each.name].generation)
            for each in self.verdicts
        ]
        part = place.tables.write_part(run_id, rows)
        place.tables.commit_run(replace(self.run, run_id=run_id, input=place.uploads), [part])


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory, light: Light) -> Found:
    """One real job, for all tests that only need what a job leaves."""
    folder = tmp_path_factory.mktemp("found")
    fill(folder / "uploads")
    place = place_at(folder, light)
    assert place.screen("--run-id", "one") == 0
    run = place.tables.run("one")
    assert run is not None
    return Found(run, [verdict for verdict, _ in place.tables.newest_verdicts()])


@pytest.fixture
def screened(place: Place, found: Found) -> Place:
    """A place whose uploads have their verdicts, by run `one`."""
    found.commit(place)
    return place


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
