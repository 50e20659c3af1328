"""How long does a look at a bank of known pictures take, and how much memory? `python -m tests.benchmarks.banks`.

Banks of random hashes, and queries that differ from an entry in 31 bits, the most that matches; beside it the time of
comparing all entries.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from screening.checks.nearest import BITS, REACH, Hashes, Nearest


def near(hashes: Hashes, number: int, random: np.random.Generator) -> Hashes:
    """Queries (number, 4), each `REACH` bits away from an entry."""
    bits = np.unpackbits(hashes[random.integers(0, len(hashes), number)].view(np.uint8), axis=1)
    for row in bits:
        row[random.choice(BITS, REACH, replace=False)] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64)


def milliseconds(act: Callable[[Hashes], object], queries: Hashes) -> tuple[float, float]:
    """The median and the greatest time of one query."""
    taken = []
    for query in queries:
        start = time.perf_counter()
        act(query[None])
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken), max(taken)


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--queries", type=int, default=500)
    flags = parser.parse_args()
    random = np.random.default_rng(1)
    print("| entries | to build | memory | one look: median, worst | all eight orientations | comparing all |")
    print("|---|---|---|---|---|---|")
    for size in flags.sizes:
        hashes = random.integers(0, 2**64, (size, 4), dtype=np.uint64)
        start = time.perf_counter()
        index = Nearest(hashes, REACH)
        index.build()
        built = time.perf_counter() - start
        queries = near(hashes, flags.queries, random)
        assert all(index.find(query[None]) for query in queries)
        median, worst = milliseconds(index.find, queries)
        eight, _ = milliseconds(lambda query, find=index.find: find(np.repeat(query, 8, axis=0)), queries[:50])
        scan, _ = milliseconds(
            lambda query, own=hashes: np.bitwise_count(own ^ query).sum(axis=1).argmin(), queries[:5]
        )
        print(
            f"| {size:,} | {built:.1f} s | {index.bytes / 1e6:,.0f} MB | {median:.2f} ms, {worst:.1f} ms "
            f"| {eight:.1f} ms | {scan:.0f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()
