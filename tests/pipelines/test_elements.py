"""Promise 8: what crosses a shuffle is small, also at its largest. Flink is in trouble with records over 10 MB.

Every element that goes into a shuffle, or to another step as a side input, is encoded as the engine would encode it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import PipelineVisitor

from pipelines import acts, release, screen
from pipelines.acts import ReleaseJob
from pipelines.job import Job
from pipelines.launch import options
from pipelines.launch.progress import Progress
from screening.storage import open_store
from tests.pipelines.conftest import SPAM, Place

LIMIT = 1_500_000  # bytes; most are some hundred
LONG = "/".join(
    f"{'long' * 61}{level:02}" for level in range(14)
)  # with a name below it, near the 4096 that Linux takes


class Measure(beam.DoFn):
    """Notes how large an element is."""

    def __init__(self, coder: beam.coders.Coder) -> None:
        self._coder = coder

    def process(self, element: object) -> None:
        Metrics.distribution("test", "bytes").update(len(self._coder.encode(element)))


class Crossings(PipelineVisitor):
    """Finds what is shuffled or becomes a side input."""

    def __init__(self) -> None:
        self.found: dict[str, beam.pvalue.PCollection] = {}

    def visit_transform(self, node: beam.pipeline.AppliedPTransform) -> None:
        if isinstance(node.transform, beam.GroupByKey):
            self.found |= {f"{node.full_label} <- {each.producer}": each for each in node.inputs}
        self.found |= {f"{node.full_label} (side) {each.pvalue.producer}": each.pvalue for each in node.side_inputs}


def largest(build: Callable[[beam.Pipeline], None]) -> tuple[int, int]:
    """Runs the job, and says how many elements crossed something, and how large the largest was."""
    pipeline = beam.Pipeline(options=PipelineOptions([], runner=options.LOCAL_RUNNER))
    build(pipeline)
    crossings = Crossings()
    pipeline.visit(crossings)
    assert crossings.found
    for number, crossing in enumerate(crossings.found.values()):
        coder = beam.coders.registry.get_coder(crossing.element_type)
        _ = crossing | f"Measure {number}" >> beam.ParDo(Measure(coder))
    result = pipeline.run()
    result.wait_until_finish()
    sizes = [found.committed for found in result.metrics().query()["distributions"]]
    assert len(sizes) > 1 or len(crossings.found) == 1
    return sum(each.count for each in sizes), max(each.max for each in sizes)


def job(place: Place) -> Job:
    return Job("r", place.uploads, place.results, datetime.now(UTC), place.settings(), Progress())


@pytest.fixture
def longest(tmp_path: Path, place: Place) -> Place:
    """Uploads with the longest names that a file system takes, one of them large."""
    folder = tmp_path / "uploads" / LONG
    folder.mkdir(parents=True)
    for number in range(160):
        (folder / f"{number:03}.txt").write_text(SPAM)
    (folder / "large.txt").write_text("A sentence about the sea and its many moods. " * 40_000)
    return place


def test_screening(longest):
    count, size = largest(lambda pipeline: screen.build(pipeline, job(longest)))
    assert longest.tables.run("r").listed > 160, "the job did its work"
    assert count > 5
    assert size < LIMIT


@pytest.mark.slow
def test_releasing(longest, monkeypatch):
    screen.main(longest.screen_flags("--run-id", "r"))
    # The real limit takes some hundred uploads more for each chunk.
    monkeypatch.setattr(acts, "CHUNK_NAMES", 1 << 18)
    labels = ReleaseJob("release", longest.results, "label", "", "")
    count, size = largest(lambda pipeline: release.build(pipeline, labels))
    assert count > 3, "long names make small chunks"
    assert size < 2 * acts.CHUNK_NAMES
    assert longest.rows("SELECT action, count(*) FROM releases GROUP BY 1") == [("label", 176)]


@pytest.mark.slow
def test_a_manifest_that_repeats_itself(place, tmp_path):
    """Each entry is there twice, in another piece; nothing but digests tells of it."""
    rows = [json.dumps({"uri": f"/nowhere/{number}/{'x' * 200}", "by": "u" * 1000}) for number in range(4200)]
    (tmp_path / "list.jsonl").write_text("\n".join(rows + rows))
    place.uploads = str(tmp_path / "list.jsonl")
    count, size = largest(lambda pipeline: screen.build(pipeline, job(place)))
    assert place.tables.run("r").listed == 4200
    assert count > 250, "digests travel by their first byte"
    assert size < LIMIT


def test_metadata_out_of_bounds_is_that_upload_s_error(place, tmp_path):
    news = sorted(Path(place.uploads, "news").rglob("*.txt"))[:2]
    rows = [{"uri": str(news[0]), "note": "n" * 15_000}, {"uri": str(news[1]), "note": "n" * 3_000_000}]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    place.uploads = str(tmp_path / "list.jsonl")
    assert screen.main(place.screen_flags("--run-id", "r")) == 0
    found = dict(place.rows("SELECT uri, (decision, reasons, cardinality(metadata)) FROM verdicts"))
    assert found[str(news[0])] == ("accept", [], 1)
    assert found[str(news[1])] == ("error", ["metadata_too_large"], 0)


def test_a_local_file_s_labels_are_bounded(place):
    """Whoever may write to the uploads may also forge labels."""
    path = Path(place.uploads) / "spam.txt"
    store = open_store(str(path))
    upload = store.stat(str(path))
    store.label(str(path), upload.generation, {"note": "n" * 1_000_000})
    assert store.stat(str(path)) == replace(upload, metadata={})
