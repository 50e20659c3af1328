"""Uploads whose verdicts are said to the tables without a job, as release asks nobody else."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from screening.records import Review
from screening.storage import open_store
from tests.pipelines.conftest import place_at
from tests.screening.tables.conftest import a_run, a_verdict

FIRST, SECOND = b"The ferry sails at nine.", b"The ferry sails again on Sunday."


@pytest.fixture
def small(tmp_path, light):
    """Two uploads; that they are accepted is said to the tables by `accept`, as release asks nobody else."""
    place = place_at(tmp_path, light)
    for name in ("news/1.txt", "news/2.txt"):
        write(Path(place.uploads, name), FIRST)
    accept(place)
    return place


@pytest.fixture
def two_inputs(tmp_path, light):
    """Uploads of one name in two inputs."""
    write(tmp_path / "a/x.txt", FIRST)
    write(tmp_path / "b/x.txt", SECOND)
    return place_at(tmp_path, light)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(data)
    time.sleep(0.02)  # the clock of a file system may tick only every 10 ms: what follows is another generation


def accept(place, source: str = "", named: str = "") -> None:
    """Commit a run that accepted everything in a folder that had no verdict; `named` is its input, if it is another."""
    source, run_id = source or place.uploads, f"run-{time.time_ns()}"
    known = (
        {(verdict.uri, verdict.generation) for verdict, _ in place.tables.newest_verdicts()} if runs(place) else set()
    )
    rows = [
        a_verdict(
            run_id,
            upload.uri,
            name=upload.name,
            generation=upload.generation,
            sha256=hashlib.sha256(Path(upload.uri).read_bytes()).hexdigest(),
        )
        for upload in open_store(source).list(source)
        if (upload.uri, upload.generation) not in known
    ]
    part = place.tables.write_part(run_id, rows)
    place.tables.commit_run(replace(a_run(run_id, **part.counts), input=named or source), [part])


def accepted(place) -> list[str]:
    return sorted(name for name, decision in place.decisions().items() if decision == "accept")


def runs(place) -> list:
    return place.tables.runs()


def actions(place) -> list[tuple]:
    return place.rows("SELECT uri, action FROM releases ORDER BY released_at, uri")


@pytest.fixture
def many(tmp_path, light):
    place = place_at(tmp_path, light)
    for i in range(200):
        Path(place.uploads, f"{i % 7}").mkdir(parents=True, exist_ok=True)
        Path(place.uploads, f"{i % 7}/{i}.txt").write_text(f"The ferry sails at {i}.")
    accept(place)
    return place


def overturn(place, name: str, decision: str = "overturn") -> None:
    """A person's decision on the newest verdict."""
    [(run_id, uri, generation)] = place.rows(
        f"SELECT run_id, uri, generation FROM effective_verdicts WHERE name = '{name}'"
    )
    now = datetime.now(UTC)
    place.tables.append_reviews([Review(now.isoformat(), run_id, uri, generation, decision, "looked", "ann", now)])
