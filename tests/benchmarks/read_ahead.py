"""Does a slow store starve the classifier? `python -m tests.benchmarks.read_ahead`.

The same articles from our storage server without delay and with 50 ms injected before every call, in turn. Read
one by one they would add 50 ms each; with reads running ahead the ratio of the wall times should stay near 1.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from screening.screener import Screener
from screening.settings import load_settings
from screening.storage import open_store
from tests.gcs.client import GcsServer
from tests.generate import write_articles


def main() -> None:
    """Print wall seconds of each, the median ratio, and what reading one by one would have added."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=400)
    parser.add_argument("--latency", type=float, default=50.0, help="milliseconds")
    parser.add_argument("--runs", type=int, default=3)
    flags = parser.parse_args()
    with GcsServer() as server, tempfile.TemporaryDirectory() as folder:
        os.environ["STORAGE_EMULATOR_HOST"] = server.url
        place = f"gs://{server.create_bucket('benchmark')}"
        write_articles(Path(folder), flags.articles)
        for path in Path(folder).rglob("*.txt"):
            open_store(place).put(f"{place}/{path.name}", path.read_bytes())
        uploads = list(open_store(place).list(place))
        settings = load_settings()
        ratios = []
        for _ in range(flags.runs):
            walls = []
            for latency in (0.0, flags.latency):
                server.clear()
                server.faults("slow", latency_ms=latency)
                screener = Screener(settings, "bench")  # a new one: it knows texts again
                start = time.perf_counter()
                assert sum(1 for _ in screener.screen(uploads)) == flags.articles
                walls.append(time.perf_counter() - start)
                screener.close()
            ratios.append(walls[1] / walls[0])
            print(f"  no delay {walls[0]:.2f} s, {flags.latency:g} ms a call {walls[1]:.2f} s", flush=True)
    serial = flags.articles * flags.latency / 1000
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"ratio {statistics.median(ratios):.2f} ({spread}); one by one the delay alone would be {serial:.0f} s")


if __name__ == "__main__":
    main()
