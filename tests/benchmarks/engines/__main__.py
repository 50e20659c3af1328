"""Engines side by side: `python -m tests.benchmarks.engines` prints ratios and writes engines.json and engines.png.

Peers and ours take turns in one process, on the same windows of generated articles (log-normal, some 320 tokens).
Blocks: `ceilings` (matrix products), `contest`, `heads` (three on one encoder), `beam` (the job over a plain loop).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from models.recipe import load_recipe
from screening.classifiers import Bundle, find_bundles
from screening.hardware import ENGINES, PRECISIONS
from screening.settings import SHIPPED_BUNDLES
from tests.benchmarks.engines import beam_peers, onnx_peers, ours, results, sharing
from tests.benchmarks.engines.ceilings import Sizes, ceilings
from tests.benchmarks.engines.contest import Contestant, play
from tests.benchmarks.engines.machine import machine
from tests.benchmarks.engines.work import make_work

OUT = Path(__file__).parents[1] / "out"
RECIPE = Path(__file__).parents[3] / "models" / "recipes" / "text-screen.yaml"
BLOCKS = ("ceilings", "contest", "heads", "beam")
CONSOLE = Console()


def contestants(bundle: Bundle, base: Path, network: Path | None, folder: Path) -> Iterator[Contestant]:
    """Peers first, then ours."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        from tests.benchmarks.engines import torch_peers

        yield from torch_peers.contestants(bundle, base, network)
        yield beam_peers.with_transformers(bundle, partial(torch_peers.made_pipeline, bundle, base, network))
    else:
        CONSOLE.print("[yellow]torch or transformers is not installed: their peers are left out")
    yield from onnx_peers.contestants(bundle)
    yield beam_peers.with_onnx(bundle, folder)
    yield from ours.contestants(bundle)


def measure(flags: argparse.Namespace, bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Every block asked for, in turn."""
    base = load_recipe(RECIPE).base_model.path()
    sizes = Sizes.of(base)
    one, work, more, many = (
        make_work(folder, number, bundle)
        for number in (1, flags.articles, flags.articles * flags.times, flags.beam_articles)
    )
    choice = flags.engine, flags.precision
    found: dict[str, Any] = {"machine": machine(), "bundle": f"{bundle.id.name}@{bundle.id.version}"}
    found["articles"] = {"number": flags.articles, "tokens": work.tokens, "windows": len(work.lengths)}
    found["mflop_a_token"] = round(sizes.flops(work.lengths) / work.tokens / 1e6, 1)
    for block in flags.blocks:
        CONSOLE.print(f"[bold]{block}")
        if block == "ceilings":
            found[block] = ceilings(sizes)
        elif block == "contest":
            entered = contestants(bundle, base, flags.network, folder)
            entered = (each for each in entered if flags.only in f"{each.name} {each.precision}")
            timed = play(entered, one, work, more, flags.rounds)
            heads, ceiling = bundle.manifest.heads, found.get("ceilings", {})
            found[block] = results.rows(timed, heads, ceiling, sizes, flags.dollars_per_hour)
            results.show(found[block])
            results.draw(found[block], found["machine"], OUT / "engines.png")
        elif block == "heads":
            found[block] = sharing.heads(bundle, work, choice, flags.rounds)
        else:
            found[block] = sharing.beam_over_loop(ours.settings_of(bundle, *choice), one, many, flags.rounds)
        if block != "contest":
            CONSOLE.print_json(json.dumps(found[block]))
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--articles", type=int, default=96)
    parser.add_argument("--times", type=int, default=3, help="how many times as many for the quick contestants")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--beam-articles", type=int, default=500, help="for the job over a plain loop")
    parser.add_argument("--blocks", nargs="+", choices=BLOCKS, default=BLOCKS)
    parser.add_argument("--only", default="", help="contestants whose name and precision hold this")
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="for heads and beam")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="for heads and beam")
    parser.add_argument("--bundle", default=SHIPPED_BUNDLES, help="folder of a text bundle")
    parser.add_argument("--network", type=Path, help="the trained network of the bundle, for the peers on torch")
    parser.add_argument("--dollars-per-hour", type=float, default=0.0, help="of the machine: adds cost")
    flags = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    OUT.mkdir(exist_ok=True)
    bundle = next(bundle for bundle in find_bundles(flags.bundle) if bundle.modality == "text")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = measure(flags, bundle, Path(folder))
    (OUT / "engines.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    CONSOLE.print(f"written to {OUT}")


if __name__ == "__main__":
    main()
