"""What a commit of many files costs, and what a lookup in it: `python -m tests.benchmarks.commits`.

One run of so many files, which are all the same bytes under other names and statistics, is committed by a process of
its own; another then opens the table and looks up the URIs of one piece after another. 244,141 files of 4,096 rows are
a billion verdicts. Limits to know: seconds and bytes in proportion to the files, a lookup's time by far not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from screening.records import Run
from screening.tables import Part, ResultTables, add_keys
from tests.screening.tables.conftest import a_verdict

OUT = Path(__file__).parent / "out"
ROWS = 4096
LOOKUPS = 200
FINGERPRINT = "f" * 64


def uri(i: int) -> str:
    """Of the upload number `i`."""
    return f"gs://uploads-of-somebody/2026/11/25/{i:012d}.jpg"


def parts(results: Path, number: int) -> Iterator[Part]:
    """Files of `ROWS` rows each, by their statistics; those that are looked at are links to the one that there is."""
    tables = ResultTables(str(results))
    made = tables.write_part("r", (a_verdict("r", uri(i)) for i in range(ROWS)))
    whole = results / "verdicts" / made.path
    stats = json.loads(made.stats)
    looked_at = set(_looked_at(number))
    for i in range(number):
        stats["minValues"]["uri"], stats["maxValues"]["uri"] = uri(i * ROWS), uri((i + 1) * ROWS - 1)
        path = f"r-{i:040x}.parquet"
        if i in looked_at:
            os.link(whole, whole.with_name(path))
        yield replace(made, path=path, stats=json.dumps(stats))


def _looked_at(number: int) -> list[int]:
    return [number * i // LOOKUPS for i in range(LOOKUPS)]


def commit(results: Path, number: int) -> dict[str, float]:
    """Seconds to commit, to find that nothing is left to do, and the sizes of what was written."""
    made = list(parts(results, number))
    counts = {
        decision: sum(part.counts[decision] for part in made) for decision in ("accept", "review", "reject", "error")
    }
    now = datetime.now(UTC)
    run = Run(
        "r",
        "gs://in",
        number * ROWS,
        0,
        **counts,
        fingerprint=FINGERPRINT,
        policy="p",
        started_at=now,
        committed_at=now,
    )
    before, clock = peak(), Clock()
    ResultTables(str(results)).commit_run(run, made, add_keys(part.keys for part in made))
    committed = clock.read("commit")
    clock = Clock()
    ResultTables(str(results)).heal()
    log = sum(path.stat().st_size for path in (results / "verdicts" / "_delta_log").iterdir())
    sizes = {"log_mib": log / 2**20, "parts_mib": before, "commit_peak_mib": peak()}
    return committed | clock.read("heal") | sizes


def look_up(results: Path, number: int) -> dict[str, float]:
    """Seconds to open the table, and of `LOOKUPS` lookups of a piece."""
    clock = Clock()
    decided = ResultTables(str(results)).decided(FINGERPRINT)
    opened = clock.read("open")
    clock = Clock()
    for piece in _looked_at(number):
        decided.between(uri(piece * ROWS), uri((piece + 1) * ROWS - 1))
    return opened | clock.read("lookups") | {"reader_peak_mib": peak()}


class Clock:
    """Seconds since it was made: on the wall, and of processors (which others on the machine don't make longer)."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self, name: str) -> dict[str, float]:
        """Both, under their names."""
        return {f"{name}_s": time.perf_counter() - self._wall, f"{name}_cpu_s": time.process_time() - self._cpu}


def peak() -> float:
    """Of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a table and write `out/commits.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 5000, 50_000, 244_141])
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.child:
        task, results = flags.child
        print(json.dumps({"commit": commit, "look_up": look_up}[task](Path(results), flags.files[0])))
        return
    measured = []
    for number in flags.files:
        with tempfile.TemporaryDirectory(prefix="commits-") as folder:
            found: dict[str, float] = {"files": number}
            for task in ("commit", "look_up"):
                command = [
                    sys.executable,
                    "-m",
                    "tests.benchmarks.commits",
                    "--files",
                    str(number),
                    "--child",
                    task,
                    folder,
                ]
                found |= json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        if not measured:
            print("|", *(f"{name} |" for name in found))
            print("|" + "---|" * len(found))
        measured.append(found)
        print(
            "|",
            *(f"{value:,.4g} |" if isinstance(value, float) else f"{value:,} |" for value in found.values()),
            flush=True,
        )
    OUT.mkdir(exist_ok=True)
    (OUT / "commits.json").write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
