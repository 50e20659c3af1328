"""Kill -9 at any moment and run again: the same table, nothing released twice or unscreened."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pace import times
from tests.pipelines.conftest import start

VERDICTS = "SELECT name, generation, sha256, decision, reasons FROM verdicts ORDER BY ALL"
MOMENTS = times(thorough=5, quick=1)


def kill_after(module: str, flags: list[str], seconds: float) -> None:
    process = start(module, flags)
    time.sleep(seconds)
    with_group = os.getpgid(process.pid) if process.poll() is None else None
    if with_group is not None:
        os.killpg(with_group, signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_a_killed_screening_run_again_gives_the_same_table(place, tmp_path):
    undisturbed = place
    began = time.monotonic()
    process = start("pipelines.screen", undisturbed.screen_flags("--run-id", "r"))
    output, _ = process.communicate()
    assert process.returncode == 0, output
    took = time.monotonic() - began
    expected = undisturbed.rows(VERDICTS)

    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for i in range(MOMENTS):
        disturbed = replace(place)
        disturbed.results, disturbed.live = str(tmp_path / f"results-{i}"), str(tmp_path / f"live-{i}")
        kill_after("pipelines.screen", disturbed.screen_flags("--run-id", "r"), moments.uniform(0.2, took))
        released = disturbed.release()
        if disturbed.tables.run("r") is None:
            assert released == 2, "nothing is released before the run committed"
            assert not Path(disturbed.live).exists()
        assert disturbed.screen("--run-id", "r") == 0, f"seed {seed}"
        assert disturbed.rows(VERDICTS) == expected, f"seed {seed}"
        assert [run.listed for run in disturbed.tables.runs()] == [15]


@pytest.mark.slow
def test_a_killed_release_run_again_does_each_act_once(screened):
    place = screened
    accepted = {name for name, decision in place.decisions().items() if decision == "accept"}
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for _ in range(MOMENTS):
        kill_after("pipelines.release", place.release_flags(), moments.uniform(1.0, 5.0))
        if Path(place.live).exists():
            whole = {path for path in place.released() if not Path(path).name.startswith(".")}
            assert whole <= accepted, f"seed {seed}"
    assert place.release() == 0
    assert place.released() == accepted, f"seed {seed}"
    twice = "SELECT uri, generation, action FROM releases GROUP BY ALL HAVING count(*) > 1"
    assert place.rows(twice) == [], f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("same_id", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_two_jobs_at_once_leave_nothing_half_written(place, same_id):
    ids = ("r", "r") if same_id else ("r1", "r2")
    jobs = [start("pipelines.screen", place.screen_flags("--run-id", run_id)) for run_id in ids]
    outputs = [job.communicate()[0] for job in jobs]
    assert any(job.returncode == 0 for job in jobs), outputs
    runs = place.tables.runs()
    assert all(run.reconciled for run in runs)
    rows = dict(place.rows("SELECT run_id, count(*) FROM verdicts GROUP BY run_id"))
    assert rows == {run.run_id: run.listed - run.skipped for run in runs if run.listed > run.skipped}
    if same_id:
        assert [run.run_id for run in runs] == ["r"]
