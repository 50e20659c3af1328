"""One cluster for the whole session, its logs' ends beside a failure, and what it did after the summary."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flink.cluster import FlinkCluster
from tests.flink.distribution import fetch
from tests.pipelines.conftest import Place, place_at, start

JOB_SECONDS = 600  # for one job, on a busy machine
_SAID = pytest.StashKey[list[str]]()
_CLUSTER = pytest.StashKey[FlinkCluster]()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the cluster ends with us
    distribution = fetch()
    with FlinkCluster(distribution, tmp_path_factory.mktemp("flink")) as running:
        request.config.stash[_CLUSTER] = running
        said = request.config.stash.setdefault(_SAID, [])
        said.insert(0, f"Flink {running.rest('/config')['flink-version']}, job server of Beam {distribution.runner}")
        yield running
        said += [f"  {job['state']:<9} {job['duration'] / 1000:6.1f} s  {job['name']}" for job in running.jobs()]


@pytest.fixture
def say(request: pytest.FixtureRequest) -> list[str]:
    """Lines to show after the tests."""
    return request.config.stash.setdefault(_SAID, [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed and (running := item.config.stash.get(_CLUSTER, None)):
        report.sections.append(("the cluster's logs", running.tail()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(_SAID, []):
        terminalreporter.section("the cluster")
        for line in lines:
            terminalreporter.write_line(line)


def on(cluster: FlinkCluster, module: str, flags: list[str], *more: str) -> subprocess.Popen[str]:
    """The job as a user starts it, with the cluster's flags."""
    return start(module, [*flags, *cluster.portable_flags, *more])


def finish(job: subprocess.Popen[str]) -> str:
    """What the job said; fails unless it ended well."""
    said, _ = job.communicate(timeout=JOB_SECONDS)
    assert job.returncode == 0, said
    return said


def results_of(place: Place, name: str) -> Place:
    """The same uploads with results, live and quarantine of their own."""
    other = place_at(Path(place.results).parent / name)
    other.uploads = place.uploads
    return other
