"""Memory and time against the number of uploads, to a million: `python -m tests.benchmarks.million`.

Runs `pipelines.screen` as a process of its own over uploads of a few bytes with a bundle that costs next to nothing, so
that what is measured is listing, deciding, writing and committing; then once more over the same uploads, which all have
a verdict by then. Each run is checked: one commit, a ledger that adds up, as many rows as uploads. Limits to know: flat
memory (promise 8) and a straight line of seconds over uploads.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from screening.tables import ResultTables
from tests.benchmarks.memory import tree_bytes
from tests.screening.classifiers.tiny import text_bundle

mpl.use("svg")
OUT = Path(__file__).parent / "out"
FOLDER = 1000  # uploads in each folder
POLICY = """\
policy: benchmark
version: 1
categories:
  - {id: hate, signal: hate, review: 0.5, reject: 0.9, statement: STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH}
  - {id: scams_and_fraud, signal: spam, review: 0.5, statement: STATEMENT_CATEGORY_SCAMS_AND_FRAUD}
"""


@dataclass(frozen=True)
class Measured:
    """One run of the job: sizes in MiB, `samples` of seconds and MiB, what it wrote."""

    run: str
    uploads: int
    seconds: float
    peak: int
    median: int
    files: int
    rows: int
    log_kib: int
    samples: list[tuple[float, int]]


def write_uploads(folder: Path, number: int) -> None:
    """Files of a few words, a thousand a folder, all different."""
    for first in range(0, number, FOLDER):
        place = folder / f"{first // FOLDER:05d}"
        place.mkdir(parents=True)
        for i in range(first, min(first + FOLDER, number)):
            (place / f"{i:08d}.txt").write_text(f"good news the river {i} a very good weather")


def write_manifest(folder: Path, number: int) -> Path:
    """The same uploads as entries of one Parquet file."""
    path = folder.with_suffix(".parquet")
    with pq.ParquetWriter(path, schema := pa.schema([("uri", pa.string())])) as writer:
        for first in range(0, number, 100_000):
            names = (f"{i // FOLDER:05d}/{i:08d}.txt" for i in range(first, min(first + 100_000, number)))
            writer.write_table(pa.table({"uri": [str(folder / name) for name in names]}, schema))
    return path


def measure(run: str, source: Path, number: int, folder: Path) -> Measured:
    """One run with its memory sampled twice a second; AssertionError when it is not whole."""
    results = folder / "results"
    command = [sys.executable, "-m", "pipelines.screen", "--input", str(source), "--results", str(results)]
    command += ["--run-id", run, "--policy", str(folder / "policy.yaml"), "--bundles", str(folder / "bundles")]
    start, samples = time.monotonic(), []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as job:
        process = psutil.Process(job.pid)
        while job.poll() is None:
            samples.append((round(time.monotonic() - start, 1), tree_bytes(process) // 2**20))
            time.sleep(0.5)
    seconds = time.monotonic() - start
    if job.returncode:
        raise subprocess.CalledProcessError(job.returncode, command)
    tables = ResultTables(str(results))
    files, rows = check(tables, run, number)
    entries = sorted((results / "verdicts" / "_delta_log").glob("*.json"))
    memory = [size for _, size in samples]
    return Measured(
        run, number, round(seconds, 1), max(memory), int(statistics.median(memory)), files, rows,
        entries[-1].stat().st_size // 1024, samples,
    )  # fmt: skip


def check(tables: ResultTables, run: str, number: int) -> tuple[int, int]:
    """Files and rows of the run's one commit; AssertionError unless they account for every upload."""
    [row] = [each for each in tables.runs() if each.run_id == run]
    assert row.reconciled and row.listed == number, row  # noqa: PT018
    files = [file for file in tables.run_files() if file.run_id == run]
    rows = sum(file.rows for file in files)
    assert rows == row.listed - row.skipped == (number if run == "first" else 0), (rows, row)
    sql = f"SELECT count(*), count(DISTINCT uri) FROM verdicts WHERE run_id = '{run}'"
    assert tables.connection().sql(sql).fetchall() == [(rows, rows)]
    return len(files), rows


def main() -> None:
    """Print a table; write `out/million.json` and `out/million.svg`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--manifest", action="store_true", help="list a manifest in place of folders")
    parser.add_argument("--out", default="million", help="name of the files written")
    flags = parser.parse_args()
    measured = []
    print("| uploads | run | seconds | uploads/s | peak MiB | median MiB | files | rows | log entry KiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number in flags.sizes:
        folder = Path(tempfile.mkdtemp(prefix="million-"))
        try:
            write_uploads(folder / "uploads", number)
            source = write_manifest(folder / "uploads", number) if flags.manifest else folder / "uploads"
            text_bundle(folder / "bundles" / "tiny-text" / "1.0.0", version="1.0.0")
            (folder / "policy.yaml").write_text(POLICY)
            for run in ("first", "again"):
                found = measure(run, source, number, folder)
                measured.append(found)
                speed = round(number / found.seconds)
                shown = (f"{number:,}", run, found.seconds, f"{speed:,}", found.peak, found.median, found.files)
                print("|", *(f"{each} |" for each in (*shown, f"{found.rows:,}", found.log_kib)), flush=True)
        finally:
            shutil.rmtree(folder)
    OUT.mkdir(exist_ok=True)
    (OUT / f"{flags.out}.json").write_text(json.dumps([asdict(each) for each in measured]) + "\n")
    draw(measured, OUT / f"{flags.out}.svg")


def draw(measured: list[Measured], path: Path) -> None:
    """Memory over the share of the run, a line a run; and seconds over uploads, both axes logarithmic."""
    from matplotlib import pyplot

    figure, (memory, seconds) = pyplot.subplots(1, 2, figsize=(11, 4))
    for each in measured:
        times = [at / each.seconds for at, _ in each.samples]
        style = "-" if each.run == "first" else "--"
        memory.plot(times, [size for _, size in each.samples], style, label=f"{each.uploads:,} uploads, {each.run}")
    memory.set(xlabel="share of the run", ylabel="memory of the process tree, MiB", ylim=(0, None))
    memory.legend(fontsize="small")
    for run in ("first", "again"):
        mine = [each for each in measured if each.run == run]
        seconds.plot([each.uploads for each in mine], [each.seconds for each in mine], "o-", label=run)
    seconds.set(xlabel="uploads", ylabel="seconds", xscale="log", yscale="log")
    seconds.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
