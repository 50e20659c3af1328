"""Our engine beside its peers on the same GPU, and both beside what the GPU can multiply."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from models.recipe import load_recipe
from screening.classifiers import Bundle, find_bundles, make_engine
from screening.classifiers.engines.cuda import PRECISIONS, Cuda
from screening.settings import SHIPPED_BUNDLES
from tests.benchmarks.engines import onnx_peers, ours, results, torch_peers
from tests.benchmarks.engines.ceilings import ROWS, Sizes, on_torch, rate
from tests.benchmarks.engines.contest import Contestant, play
from tests.benchmarks.engines.work import make_work
from tests.gpu.kit import ENGINE, Found, Kit

RECIPE = Path(__file__).parents[2] / "models" / "recipes" / "text-screen.yaml"
ARTICLES, MORE = 400, 4000  # for slow contestants and for quick ones
ROUNDS = 3
SQUARE = 8192  # the side of matrices that fill a large GPU
DTYPES = {"fp16": torch.float16, "fp32": torch.float32}


def measure(kit: Kit) -> Found:
    """Tokens a second of every contestant, in rounds; GFLOP/s of matrix products."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    (bundle,) = find_bundles(SHIPPED_BUNDLES)
    base = load_recipe(RECIPE).base_model.path()
    sizes, found = Sizes.of(base), Found()
    device = "cpu" if kit.is_rehearsal else "cuda"
    ceilings = {}
    square = kit.number(SQUARE, 256)
    for precision, dtype in DTYPES.items():
        kind = torch.float32 if kit.is_rehearsal else dtype  # a CPU has no fast products in float16
        peak = {
            what: rate(on_torch(chain, kind, device), 2 * ROWS * sum(a * b for a, b in chain))
            for what, chain in (("layer", sizes.layer), ("square", [(square, square)]))
        }
        ceilings[precision] = {"gpu": peak}
        found.measured(f"products of {square:,} squares, {precision}", peak["square"] / 1000, "TFLOP/s")
        found.measured(f"products of one layer, {precision}", peak["layer"] / 1000, "TFLOP/s")
    one, work, more = (make_work(kit.folder, n, bundle) for n in (1, kit.number(ARTICLES, 2), kit.number(MORE, 3)))
    timed = play(contestants(bundle, base, device), one, work, more, ROUNDS if kit.scale >= 1 else 1)
    rows = results.rows(timed, bundle.manifest.heads, ceilings, sizes, 0)
    results.show(rows)
    for row in rows:
        share = f", {row['share_of_ceiling']:.0%} of its ceiling" if row["share_of_ceiling"] else ""
        speed = row["tokens_per_second"]["median"]
        found.measured(f"{row['name']}, {row['precision']}", speed, f"tokens/s{share}")
        if row["agreement"] is not None:
            found.at_least(f"{row['name']}, {row['precision']}: same decisions", row["agreement"], 0.995)
    found.more |= {"ceilings": ceilings, "rows": rows}
    return found


def contestants(bundle: Bundle, base: Path, device: str) -> Iterator[Contestant]:
    """Peers first, then ours in both precisions."""
    yield from torch_peers.on_gpu(bundle, base, None, device)
    engine = make_engine(ENGINE, "fp32")
    assert isinstance(engine, Cuda)
    yield from onnx_peers.on_gpu(bundle, engine.providers)
    for precision in reversed(PRECISIONS):  # fp32 first: it is what the other is held against
        load = partial(ours.raw, bundle, ENGINE, precision)
        yield Contestant(f"ours, {ENGINE}", precision, load, answers="scores", quick=True, hardware="gpu")
