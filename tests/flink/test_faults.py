"""What goes wrong on a cluster: nothing half committed, nothing released, and a plain re-run completes the table."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.launch.watchdog import Signs
from tests.flink.cluster import SLOTS, FlinkCluster
from tests.flink.conftest import JOB_SECONDS, finish, on, results_of
from tests.generate import write_articles
from tests.pipelines.conftest import Place, fill, place_at

pytestmark = [pytest.mark.flink, pytest.mark.timeout(4 * JOB_SECONDS)]

ARTICLES = 300  # some 12 s of inference on one core
VERDICTS = "SELECT name, generation, sha256, decision, reasons FROM verdicts ORDER BY ALL"
PARTS = "SELECT count(*), count(DISTINCT uri), count(DISTINCT run_id) FROM verdicts"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Uploads that keep the classifier busy for a while, and their table as the local runner makes it."""
    folder = tmp_path_factory.mktemp("uploads")
    fill(folder / "uploads")
    write_articles(folder / "uploads" / "more", ARTICLES, seed=11, mean_words=120)
    place = place_at(folder)
    assert place.screen("--run-id", "r") == 0
    return place


@pytest.fixture
def place(undisturbed: Place, tmp_path: Path) -> Place:
    """The same uploads, nothing screened yet."""
    other = results_of(undisturbed, tmp_path.name)
    assert not Path(other.results).exists()
    return other


def classifying(cluster: FlinkCluster, place: Place) -> str:
    """Wait until the step that classifies is hard at work; the Flink job's id."""

    def running() -> str:
        jobs = [job["jid"] for job in cluster.jobs() if job["state"] == "RUNNING"]
        steps = cluster.rest(f"/jobs/{jobs[0]}")["vertices"] if jobs else []
        return jobs[0] if any("classify" in step["name"] and step["status"] == "RUNNING" for step in steps) else ""

    job = cluster.wait(running, "the step that classifies", JOB_SECONDS)
    signs = Signs(f"{place.results}/alive", "r")
    before = signs.seen()
    cluster.wait(lambda: signs.seen() != before, "a sign that models are loaded and uploads listed", JOB_SECONDS)
    spent = cpu_seconds(cluster)
    cluster.wait(lambda: cpu_seconds(cluster) > spent + 1, "work on them", JOB_SECONDS)
    return job


def cpu_seconds(cluster: FlinkCluster) -> float:
    return sum(worker.cpu_times().user for worker in cluster.workers())


def assert_nothing_counts(place: Place) -> None:
    assert place.tables.run("r") is None
    assert not Path(place.results, "runs").exists()
    assert place.release() == 2, "nothing is released before a commit"
    assert not Path(place.live).exists()
    assert not Path(place.quarantine).exists()


def assert_a_rerun_completes(cluster: FlinkCluster, place: Place, undisturbed: Place) -> None:
    finish(on(cluster, "pipelines.screen", place.screen_flags("--run-id", "r")))
    assert_complete(place, undisturbed)


def assert_a_rerun_elsewhere_completes(place: Place, undisturbed: Place) -> None:
    assert place.screen("--run-id", "r") == 0  # by the local runner, which takes a fifth of the cluster's time
    assert_complete(place, undisturbed)


def assert_complete(place: Place, undisturbed: Place) -> None:
    expected = undisturbed.rows(VERDICTS)
    assert place.rows(VERDICTS) == expected
    assert place.rows(PARTS) == [(len(expected), len(expected), 1)]
    assert [(run.run_id, run.listed, run.reconciled) for run in place.tables.runs()] == [("r", len(expected), True)]


def given_up(job) -> None:
    said, _ = job.communicate(timeout=JOB_SECONDS)
    assert job.returncode == 2, said
    assert "the engine gave up on the job" in said
    assert "Traceback" not in said


def test_a_worker_is_killed_while_it_classifies(cluster, place, undisturbed):
    job = on(cluster, "pipelines.screen", place.screen_flags("--run-id", "r"))
    classifying(cluster, place)
    workers = cluster.workers()
    assert workers
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
    given_up(job)
    assert_nothing_counts(place)
    assert_a_rerun_elsewhere_completes(place, undisturbed)


def test_the_task_manager_is_killed_and_another_started(cluster, place, undisturbed):
    job = on(cluster, "pipelines.screen", place.screen_flags("--run-id", "r"))
    classifying(cluster, place)
    cluster.kill("taskmanager")
    cluster.kill("pool")
    cluster.start_task_manager()
    given_up(job)
    assert_nothing_counts(place)
    assert_a_rerun_completes(cluster, place, undisturbed)


def test_the_job_is_cancelled(cluster, place, undisturbed):
    job = on(cluster, "pipelines.screen", place.screen_flags("--run-id", "r"))
    cluster.cancel(classifying(cluster, place))
    given_up(job)
    assert_nothing_counts(place)
    assert_a_rerun_elsewhere_completes(place, undisturbed)


def test_the_same_run_is_submitted_twice_at_once(cluster, tmp_path):
    fill(tmp_path / "uploads")
    undisturbed, twice = place_at(tmp_path), results_of(place_at(tmp_path), "twice")
    assert undisturbed.screen("--run-id", "r") == 0
    jobs = [on(cluster, "pipelines.screen", twice.screen_flags("--run-id", "r")) for _ in range(2)]
    for job in jobs:
        finish(job)
    assert_complete(twice, undisturbed)
    said = finish(on(cluster, "pipelines.screen", twice.screen_flags("--run-id", "r")))
    assert "already committed" in said
    assert_complete(twice, undisturbed)


@pytest.fixture
def wrong_python(cluster: FlinkCluster, tmp_path: Path) -> Iterator[None]:
    """A pool whose PATH begins with a python that lacks everything."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shutil.which("python3", path="/usr/bin") or "/bin/false"} -I "$@"\n')
    python.chmod(0o755)
    cluster.kill("pool")
    cluster.start_pool({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    yield
    cluster.kill("pool")
    cluster.start_pool()


@pytest.mark.usefixtures("wrong_python")
def test_workers_that_never_come_are_not_waited_for(cluster, place):
    job = on(cluster, "pipelines.screen", place.screen_flags("--run-id", "r", "--stall-timeout", "20"))
    said, _ = job.communicate(timeout=JOB_SECONDS)
    assert job.returncode == 2, said
    assert "no worker started within 20 s (--stall-timeout); the job was cancelled" in said
    assert "the first `python` on that pool's PATH" in said
    assert_nothing_counts(place)
    cluster.wait(lambda: cluster.rest("/overview")["slots-available"] == SLOTS, "an end of the job on the cluster")
    assert cluster.jobs()[-1]["state"] == "CANCELED"
