"""Makers of records for the table tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from screening.records import BundleId, Evidence, Fingerprint, Run, Signal, Threshold, Verdict

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUNDLE = BundleId("starter", "0.1.0", "ab" * 32)
FINGERPRINT = Fingerprint("f" * 64, "decode-1", "cpu", (BUNDLE,), "banks", "policy")


def _verdict(run_id: str = "run-1", uri: str = "/in/a.txt", **changes: Any) -> Verdict:
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
    }
    return Verdict(**{**base, **changes})


def _run(run_id: str = "run-1", minutes: int = 0, **counts: Any) -> Run:
    """A reconciled ledger row with these counts, committed `minutes` after the start."""
    numbers = {name: counts.pop(name, 0) for name in ("accept", "review", "reject", "error")}
    skipped = counts.pop("skipped", 0)
    return Run(
        run_id=run_id,
        input="/in",
        listed=counts.pop("listed", sum(numbers.values()) + skipped),
        skipped=skipped,
        **numbers,
        fingerprint=FINGERPRINT.digest,
        policy="policy",
        started_at=START,
        committed_at=START + timedelta(minutes=minutes),
        **counts,
    )


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    return _verdict


@pytest.fixture
def run_row() -> Callable[..., Run]:
    return _run


@pytest.fixture
def commit() -> Callable[..., Run]:
    """Writes verdicts as one part and commits them as a run."""

    def _commit(tables: Any, run_id: str, *verdicts: Verdict, minutes: int = 0, **counts: Any) -> Run:
        part = tables.write_part(run_id, verdicts)
        numbers = {name: getattr(part, name) for name in ("accept", "review", "reject", "error")}
        done: Run = tables.commit_run(_run(run_id, minutes, **numbers, **counts), [part])
        return done

    return _commit
