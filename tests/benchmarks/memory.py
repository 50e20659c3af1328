"""Memory against the number of uploads: `python -m tests.benchmarks.memory` prints the curve and draws it.

Runs `pipelines.screen` as a process of its own over 1,000 to 10,000 generated articles and samples the
resident memory of its whole process tree (promise 8: it does not grow with the number of uploads).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib as mpl
import psutil

from tests.generate import write_articles

mpl.use("svg")
OUT = Path(__file__).parent / "out"


def tree_bytes(process: psutil.Process) -> int:
    """Unique resident bytes of a process and its descendants; what they share is counted once each."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().uss
        except psutil.Error:
            continue
    return total


def sample(uploads: Path, results: Path) -> list[tuple[float, int]]:
    """Seconds and bytes, twice a second, while the job runs; CalledProcessError when it fails."""
    command = [sys.executable, "-m", "pipelines.screen", "--input", str(uploads), "--results", str(results)]
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as job:
        process, samples = psutil.Process(job.pid), []
        while job.poll() is None:
            samples.append((round(time.monotonic() - start, 1), tree_bytes(process)))
            time.sleep(0.5)
    if job.returncode:
        raise subprocess.CalledProcessError(job.returncode, command)
    return samples


def main() -> None:
    """Print peak and median per size; write `out/memory.json` and `out/memory.svg`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10000])
    parser.add_argument("--words", type=int, default=120)
    flags = parser.parse_args()
    curves = {}
    for number in flags.sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_articles(Path(folder) / "uploads", number, mean_words=flags.words)
            curves[number] = sample(Path(folder) / "uploads", Path(folder) / "results")
        sizes = sorted(size // 2**20 for _, size in curves[number])
        peak, median, seconds = sizes[-1], sizes[len(sizes) // 2], curves[number][-1][0]
        print(f"{number} uploads: peak {peak} MiB, median {median} MiB, {seconds:.0f} s", flush=True)
    OUT.mkdir(exist_ok=True)
    (OUT / "memory.json").write_text(json.dumps(curves))
    draw(curves)


def draw(curves: dict[int, list[tuple[float, int]]]) -> None:
    """One line a size, memory over the share of the run."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for number, samples in curves.items():
        axes.plot(
            [t / samples[-1][0] for t, _ in samples], [size / 2**20 for _, size in samples], label=f"{number} uploads"
        )
    axes.set(xlabel="share of the run", ylabel="memory of the process tree, MiB", ylim=(0, None))
    axes.legend()
    figure.savefig(OUT / "memory.svg")


if __name__ == "__main__":
    main()
