"""`--reuse-scores`: a second run leaves the model out for bytes that the first run scored, and says how many."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.job import Job
from pipelines.launch.options import LOCAL_RUNNER
from pipelines.launch.progress import Progress
from pipelines.screen import build
from screening.classifiers import Classifier
from tests.generate import write_articles

BY_BYTES = """
SELECT sha256, decision, reasons, content_type, list_sort(signals) FROM verdicts WHERE run_id = '{}' ORDER BY ALL
"""


@pytest.fixture
def scored(monkeypatch) -> list:
    # What counts is what the model is given, whatever is said of it; so it is seen here and not in a counter.
    whole, seen = Classifier.score, []
    monkeypatch.setattr(Classifier, "score", lambda self, contents: seen.extend(contents) or whole(self, contents))
    return seen


def rename_all(place) -> None:
    Path(place.uploads, "moved").mkdir()
    for path in [each for each in Path(place.uploads).rglob("*") if each.is_file()]:
        path.rename(Path(place.uploads, "moved", path.name))


def test_the_same_bytes_in_a_second_run_are_decided_without_the_model(place, scored):
    assert place.screen("--run-id", "one", "--reuse-scores") == 0
    assert len(scored) >= 9, "there is nothing yet to take scores from"
    scored.clear()
    rename_all(place)
    write_articles(Path(place.uploads) / "new", 2, seed=77, mean_words=120)
    assert place.screen("--run-id", "two", "--reuse-scores") == 0
    assert len(scored) == 2
    two = place.tables.run("two")
    assert (two.listed, two.skipped) == (17, 0)
    assert two.reconciled
    one, again = (place.rows(BY_BYTES.format(run)) for run in ("one", "two"))
    assert len(one) == 15
    assert set(map(repr, one)) <= set(map(repr, again)), "equal to the last digit, with the evidence"
    scored.clear()
    Path(place.uploads, "moved", "spam.txt").rename(Path(place.uploads, "spam.txt"))
    assert place.screen("--run-id", "three") == 0
    assert len(scored) == 1, "not without the flag"


@pytest.mark.slow
def test_a_counter_says_how_many_were_not_scored(place, scored):
    assert place.screen("--run-id", "one") == 0
    number = len(scored)
    rename_all(place)
    job = Job("two", place.uploads, place.results, datetime.now(UTC), place.settings(), Progress(), reuse=True)
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner", LOCAL_RUNNER]))
    build(pipeline, job)
    result = pipeline.run()
    result.wait_until_finish()
    found = result.metrics().query(MetricsFilter().with_namespace("screening").with_name("reused"))["counters"]
    assert sum(counter.committed for counter in found) == number
    assert len(scored) == number >= 9
