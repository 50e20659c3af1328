"""How fast the whole job is, and where its time goes: `python -m tests.benchmarks.end_to_end`.

Runs `pipelines.screen` as a whole process over generated articles and pictures and prints documents/s and
images/s (start-up apart), with each step's share of the busy time (threads added up: steps overlap). Limit to
know: the classifier costs 25 MFLOP a token, about 320 tokens an article; everything else should hide behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.job import Job
from pipelines.launch.counters import NAMESPACE
from pipelines.launch.options import LOCAL_RUNNER
from pipelines.launch.progress import Progress
from pipelines.screen import build
from screening.screener import Screener
from screening.settings import Settings, load_settings
from screening.storage import open_store
from screening.tables import ResultTables
from tests.generate import write_articles, write_pictures

OUT = Path(__file__).parent / "out"


def job_once(settings: Settings, uploads: Path, results: Path) -> tuple[float, dict[str, float]]:
    """Wall seconds of one whole job, and busy seconds by step as its own counters say."""
    from datetime import UTC, datetime

    job = Job("bench", str(uploads), str(results), datetime.now(UTC), settings, Progress())
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner", LOCAL_RUNNER]))
    build(pipeline, job)
    start = time.perf_counter()
    result = pipeline.run()
    result.wait_until_finish()
    wall = time.perf_counter() - start
    counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    counted = {counter.key.metric.name: counter.committed for counter in counters}
    return wall, {name[3:]: number / 1000 for name, number in counted.items() if name.startswith("ms.")}


def loop_once(settings: Settings, uploads: Path, results: Path) -> float:
    """Wall seconds of the same work in a plain loop, without Beam."""
    start = time.perf_counter()
    screener = Screener(settings, "loop")
    ResultTables(str(results)).write_part("loop", screener.screen(open_store(str(uploads)).list(str(uploads))))
    screener.close()
    return time.perf_counter() - start


def measure(kind: str, uploads: Path, number: int, runs: int, settings: Settings) -> dict[str, object]:
    """Job and plain loop in turn, `runs` times; rates from medians, with their spread."""
    jobs, loops, steps = [], [], {}
    for run in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            wall, steps = job_once(settings, uploads, Path(folder) / "job")
            jobs.append(wall)
            loops.append(loop_once(settings, uploads, Path(folder) / "loop"))
        print(f"  {kind} {run + 1}/{runs}: job {jobs[-1]:.2f} s, plain loop {loops[-1]:.2f} s", flush=True)
    busy = sum(steps.values())
    return {
        "number": number,
        "per_second": round(number / statistics.median(jobs), 1),
        "per_second_spread": [round(number / max(jobs), 1), round(number / min(jobs), 1)],
        "job_over_plain_loop": round(statistics.median(a / b for a, b in zip(jobs, loops, strict=True)), 3),
        "share_of_busy_time": {step: round(seconds / busy, 3) for step, seconds in sorted(steps.items())},
    }


def main() -> None:
    """Print the figures and write them to `out/end_to_end.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=600)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    flags = parser.parse_args()
    settings = load_settings()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            write_articles(folder / "articles", flags.articles)
            write_pictures(folder / "images", flags.images)
        figures = {
            "machine": f"{platform.processor() or platform.machine()}, engine {settings.fingerprint.engine}",
            "articles": measure("articles", folder / "articles", flags.articles, flags.runs, settings),
            "images": measure("images", folder / "images", flags.images, flags.runs, settings),
        }
    finally:
        shutil.rmtree(folder)
    OUT.mkdir(exist_ok=True)
    (OUT / "end_to_end.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
