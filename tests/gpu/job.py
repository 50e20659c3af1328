"""The whole job over many articles, as people run it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from screening.records import Run
from screening.tables import ResultTables
from tests.generate import write_articles
from tests.gpu.kit import ENGINE, Found, Kit

ARTICLES = 20_000
FEW = 2  # articles of the job whose time is the start-up


def measure(kit: Kit) -> Found:
    """Articles a second in fp16, with start-up and without."""
    number = kit.number(ARTICLES, 12)
    write_articles(kit.folder / "few", FEW, seed=1)
    write_articles(kit.folder / "all", number)
    start_up, _ = screened(kit.folder / "few", kit.folder / "start-up")
    seconds, run = screened(kit.folder / "all", kit.folder / "results")
    found = Found()
    tell(found, "articles", number, seconds, start_up, run)
    found.measured("tokens a second, start-up apart", run.metrics["tokens"] / (seconds - start_up), "tokens/s")
    return found


def tell(found: Found, what: str, number: int, seconds: float, start_up: float, run: Run) -> None:
    """The lines that every job has."""
    found.at_least(f"{what} accounted for", run.accept + run.review + run.reject, number)
    found.at_most(f"{what} in error", run.error, 0)
    found.measured(f"{what} a second, start-up apart", number / max(1e-3, seconds - start_up), f"{what}/s")
    found.measured(f"{what} a second, whole job", number / seconds, f"{what}/s")
    found.measured("start-up", start_up, "s")
    found.measured("share of the time in which the engine works", run.metrics["wall_ms.engine"] / 1000 / seconds)
    found.more[f"{what}_metrics"] = dict(run.metrics)


def screened(uploads: Path, results: Path, *flags: str, precision: str = "fp16") -> tuple[float, Run]:
    """Wall seconds of one job as a command, and its row of the ledger."""
    command = [
        sys.executable, "-m", "pipelines.screen", f"--input={uploads}", f"--results={results}", "--run-id=gpu",
        f"--engine={ENGINE}", f"--precision={precision}", *flags,
    ]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    run = ResultTables(str(results)).run("gpu")
    assert run is not None
    return seconds, run
