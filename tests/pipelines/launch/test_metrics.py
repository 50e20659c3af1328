"""What a run counted: the same in its ledger row and on the engine's pages, and once where work was done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter

from pipelines.job import PIECES, REPEATS, Job, Tally
from pipelines.launch.options import LOCAL_RUNNER
from pipelines.launch.progress import Progress
from pipelines.listing.since import AGAIN
from pipelines.screen import build
from pipelines.steps import CommitRun, ScreenUploads
from screening.decode import Decoder
from screening.meter import summed
from screening.records import DECISIONS, Upload
from screening.storage import open_store
from screening.tables import add_keys, upload_key
from tests.pipelines.conftest import Place


@dataclass(frozen=True)
class Half:
    """A piece of the input."""

    id: str
    listed: list[Upload]

    def uploads(self, without):
        assert not without
        return iter(self.listed)


STEPS = {f"ms.{step}" for step in ("read", "decode", "match", "check", "tokenise", "infer", "decide", "write")}


def job_on(place: Place) -> Job:
    return Job("one", place.uploads, place.results, datetime.now(UTC), place.settings(), Progress())


def test_the_ledger_and_the_engine_count_the_same(shipped):
    place = shipped  # whose windows differ in length, so that some are padded
    pipeline = beam.Pipeline(runner=LOCAL_RUNNER)
    build(pipeline, job_on(place))
    result = pipeline.run()
    result.wait_until_finish()
    run = place.tables.run("one")
    found = run.metrics
    assert found["uploads"] == run.listed == 15
    assert {name: found.get(name, 0) for name in DECISIONS} == {name: getattr(run, name) for name in DECISIONS}
    reasons = Counter(reason for (reason,) in place.rows("SELECT unnest(reasons) FROM verdicts WHERE run_id = 'one'"))
    assert {name[7:]: count for name, count in found.items() if name.startswith("reason.")} == reasons
    assert found.keys() >= STEPS | {"wall_ms.screening", "wall_ms.engine", "tokens", "padding"}
    assert found["models_loaded"] == 1
    assert 0 < found["wall_ms.engine"] <= found["wall_ms.screening"]
    counters = result.metrics().query(MetricsFilter().with_namespace("screening"))["counters"]
    assert {each.key.metric.name: each.committed for each in counters} | {AGAIN: 0} == found


def test_work_that_is_done_again_counts_once(place):
    """An engine that loses a bundle runs it again, in this worker or another; only one of its parts arrives."""
    uploads = list(open_store(place.uploads).list(place.uploads))
    halves = [Half(f"half-{i}", half) for i, half in enumerate((uploads[:8], uploads[8:]))]
    key = add_keys(upload_key(upload.uri, upload.generation) for upload in uploads)
    job, parts = job_on(place), []
    for attempt in range(3):
        step = ScreenUploads(job)
        step.setup()
        for half in halves:
            step.start_bundle()
            list(step.process((half.id, {PIECES: [half], REPEATS: []})))
            [made] = step.finish_bundle()
            if attempt == 2:
                parts.append(made.value)
    [run] = CommitRun(job).process("one", parts, [Tally(15, 0, key)])
    assert run.metrics["uploads"] == 15
    assert run.metrics["models_loaded"] == 1, "both parts are of one worker"
    assert run.metrics["tokens"] == summed(part.metrics for part in parts)["tokens"]
    assert json.loads(json.dumps(parts[0].metrics)) == parts[0].metrics


def test_a_folder_of_nothing_counted_nothing(place, tmp_path):
    (tmp_path / "none").mkdir()
    place.uploads = str(tmp_path / "none")
    place.screen("--run-id", "none")
    assert place.tables.run("none").metrics == {AGAIN: 0}


def test_a_run_says_what_held_its_decoders(place, capsys):
    assert place.screen("--run-id", "one") == 0
    said = place.tables.run("one").sandbox
    with Decoder() as decoder:
        assert said == decoder.check() != ""
    assert f"sandbox: {said}" in capsys.readouterr().out
    assert f"decoder sandbox: {said}" in Path(place.results, "reports", "one.html").read_text()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="takes a system call away, which only Linux can")
def test_require_refuses_a_kernel_with_less_before_anything_is_read(place):
    kernel = Path(__file__).parents[2] / "screening" / "decode" / "without.py"
    command = ["-m", "pipelines.screen", "--input=/no/such/folder", "--results", place.results, "--sandbox=require"]
    done = subprocess.run([sys.executable, kernel, "seccomp", *command], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--sandbox=require asks for " in done.stderr
    assert not Path(place.results).exists()


@pytest.mark.slow
def test_reused_scores_are_counted(screened):
    place = screened
    (Path(place.uploads) / "spam.txt").rename(Path(place.uploads) / "again.txt")
    place.screen("--run-id", "two", "--reuse-scores")
    found = place.tables.run("two").metrics
    assert (found["uploads"], found["reused"]) == (1, 1)
    assert "tokens" not in found
