"""The sample uploads on a Flink cluster and on the local runner: the same verdicts, the same releases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import screening
from tests.flink.conftest import finish, on, results_of
from tests.pipelines.conftest import Place, place_at, start
from tests.screening.formats import write_formats

pytestmark = [pytest.mark.flink, pytest.mark.timeout(1800)]

SAMPLES = Path(screening.__file__).parent / "samples" / "uploads"
TOLERANCE = 1e-3
VERDICTS = (
    "SELECT uri, generation, sha256, content_type, medium, decision, reasons, detail, parts, not_looked_at "
    "FROM verdicts ORDER BY ALL"
)
SIGNALS = 'SELECT uri, source, label, "window", "start", "end", note, part, score FROM signals ORDER BY ALL'
RELEASES = "SELECT uri, generation, sha256, decision, action FROM releases ORDER BY ALL"


@pytest.fixture
def samples(tmp_path: Path) -> Place:
    """What ships, and one upload of each kind of document."""
    shutil.copytree(SAMPLES, tmp_path / "uploads")
    write_formats(tmp_path / "uploads" / "formats")
    return place_at(tmp_path)


def test_screen_and_release_as_on_the_local_runner(cluster, samples, say):
    here, there = results_of(samples, "here"), results_of(samples, "there")
    assert here.screen("--run-id", "samples") == 0
    assert here.release() == 0
    finish(on(cluster, "pipelines.screen", there.screen_flags("--run-id", "samples")))
    finish(start("pipelines.release", [*there.release_flags(), *cluster.flink_flags]))

    verdicts = here.rows(VERDICTS)
    assert there.rows(VERDICTS) == verdicts
    scores, others = here.rows(SIGNALS), there.rows(SIGNALS)
    assert [row[:3] for row in others] == [row[:3] for row in scores]
    difference = max(abs(one[-1] - other[-1]) for one, other in zip(scores, others, strict=True))
    assert difference < TOLERANCE
    releases = here.rows(RELEASES)
    assert releases
    assert there.rows(RELEASES) == releases
    assert there.released() == here.released()
    run = there.tables.run("samples")
    assert run.metrics["models_loaded"] == 1, (
        "six steps, each in a worker process of its own, and one of them classifies"
    )
    say.append(
        f"samples, here and on the cluster: {len(verdicts)} uploads, {len(verdicts)} same verdicts and reasons, "
        f"{len(scores)} scores that differ by {difference:.1e} at most, {len(releases)} same releases"
    )
