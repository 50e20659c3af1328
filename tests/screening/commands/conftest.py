"""A command run in this process, and result tables of one small run for it to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from screening.cli import main
from screening.records import BundleId, Evidence, Fingerprint, Run, Signal, Threshold, Verdict
from screening.storage import open_store
from screening.tables import ResultTables

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PRINT = Fingerprint("f" * 64, "decode-1", "cpu", (BundleId("text-screen", "0.1.0", "ab" * 32),), "ba", "po")
SPAM = Threshold("scams_and_fraud", "spam", "reject", "high", 0.9, "precision: 0.98")

BASE = Verdict(
    run_id="run-1",
    uri="",
    name="",
    generation=1,
    size=5,
    sha256="0" * 64,
    content_type="text/plain",
    metadata={"uploader": "ann"},
    decision="accept",
    reasons=(),
    detail="",
    signals=(Signal("bundle/text-screen@0.1.0/spam", "spam", 0.95, Evidence(1, 200, 400)),),
    thresholds=(SPAM, replace(SPAM, level="review", score=0.5, origin="recall: 0.95")),
    fingerprint=PRINT,
    screened_at=NOW,
    seconds=0.1,
    medium="text",
)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """A folder with three uploads, one of them with a hostile name."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("good.txt", "bad.txt", "broken.bin", "[red]\x1b[31m\u202egnp.txt"):
        (folder / name).write_text("hello")
    return folder


@pytest.fixture
def results(tmp_path: Path, uploads: Path) -> str:
    """Result tables that hold one run over these uploads."""
    tables = ResultTables(str(tmp_path / "results"))
    verdicts = []
    for upload in open_store(str(uploads)).list(str(uploads)):
        decision, reasons = {"bad.txt": ("reject", ("spam",)), "broken.bin": ("error", ("unsupported_type",))}.get(
            upload.name, ("accept", ())
        )
        verdicts.append(
            replace(
                BASE, uri=upload.uri, name=upload.name, generation=upload.generation, decision=decision, reasons=reasons
            )  # type: ignore[arg-type]
        )
    part = tables.write_part("run-1", verdicts)
    tables.commit_run(Run("run-1", str(uploads), 4, 0, 2, 0, 1, 1, PRINT.digest, "po", NOW, NOW), [part])
    return tables.uri


@pytest.fixture
def screening(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command in this process: exit code, standard output and standard error."""

    def run(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(argv)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return (code, *capsys.readouterr())

    return run
