"""Makers of records for the table tests, and committers in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from screening.records import BundleId, Evidence, Fingerprint, Review, Run, Signal, Threshold, Verdict
from screening.tables import ResultTables

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUNDLE = BundleId("starter", "0.1.0", "ab" * 32)
FINGERPRINT = Fingerprint("f" * 64, "decode-1", "cpu", (BUNDLE,), "banks", "policy")


def a_verdict(run_id: str = "run-1", uri: str = "/in/a.txt", **changes: Any) -> Verdict:
    base: dict[str, Any] = {
        "run_id": run_id,
        "uri": uri,
        "name": uri.rsplit("/", 1)[-1],
        "generation": 1,
        "size": 10,
        "sha256": "0" * 64,
        "content_type": "text/plain",
        "metadata": {"uploader": "ann", "language": "en"},
        "decision": "accept",
        "reasons": (),
        "detail": "",
        "signals": (
            Signal("check/too_short@1", "too_short", 120.0),
            Signal("bundle/starter@0.1.0/spam", "spam", 0.12, Evidence(0, 5, 90, "window 0")),
        ),
        "thresholds": (Threshold("scams_and_fraud", "spam", "reject", "high", 0.9, "precision: 0.98"),),
        "fingerprint": FINGERPRINT,
        "screened_at": START,
        "seconds": 0.25,
        "medium": "text",
    }
    return Verdict(**{**base, **changes})


def a_run(run_id: str = "run-1", **numbers: int) -> Run:
    """The facts of a run with these counts, reconciled unless `listed` says otherwise."""
    counts = {name: numbers.get(name, 0) for name in ("accept", "review", "reject", "error")}
    skipped = numbers.get("skipped", 0)
    return Run(
        run_id=run_id,
        input="/in",
        listed=numbers.get("listed", sum(counts.values()) + skipped),
        skipped=skipped,
        **counts,
        fingerprint=FINGERPRINT.digest,
        policy="policy",
        started_at=START,
        committed_at=START,
    )


@pytest.fixture(scope="session")
def verdict() -> Callable[..., Verdict]:
    return a_verdict


@pytest.fixture(scope="session")
def run_row() -> Callable[..., Run]:
    return a_run


@pytest.fixture(scope="session")
def commit() -> Callable[..., Run]:
    """Writes verdicts as one part and commits them as a run."""

    def _commit(tables: ResultTables, run_id: str, *verdicts: Verdict, **numbers: int) -> Run:
        part = tables.write_part(run_id, (replace(each, run_id=run_id) for each in verdicts))
        return tables.commit_run(a_run(run_id, **part.counts, **numbers), [part])

    return _commit


def a_review(decision: str, uri: str = "/in/a.txt", run_id: str = "run-1", minutes: int = 0, **changes: Any) -> Review:
    """A person's decision, `minutes` after the start."""
    base: dict[str, Any] = {
        "review_id": f"{run_id}-{uri}-{minutes}-{decision}",
        "run_id": run_id,
        "uri": uri,
        "generation": 1,
        "decision": decision,
        "reason": "looked at it",
        "reviewer": "ann",
        "reviewed_at": START + timedelta(minutes=minutes),
    }
    return Review(**{**base, **changes})


@pytest.fixture(scope="session")
def review() -> Callable[..., Review]:
    return a_review


class Committer:
    """A committer in its own process."""

    def __init__(self, results: Path | str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.screening.tables.committer", str(results)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, run_id: str, *uris: str, die: bool = False) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"run_id": run_id, "uris": uris, "die": die}) + "\n")
        self.process.stdin.flush()


@pytest.fixture
def committers() -> Iterator[Callable[[int, Path | str], list[Committer]]]:
    """Starts so many committers on the results at a place, and ends them with the test."""
    running: list[Committer] = []

    def start(count: int, results: Path | str) -> list[Committer]:
        running.extend(Committer(results) for _ in range(count))
        assert [committer.read() for committer in running] == ["ready"] * count
        return running

    yield start
    for committer in running:
        committer.process.kill()
        committer.process.communicate()


ALL = ("", "~")


def rows(tables: ResultTables) -> list[tuple[str, str]]:
    """Run and URI of every verdict that counts."""
    return sorted(tables.connection().execute("SELECT run_id, uri FROM verdicts").fetchall())
