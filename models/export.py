"""A trained network to ONNX, checked against torch and, where it is rounded, on dev rows.

    python -m models.export RECIPE --network DIR --out DIR [--rows DIR] [--precision fp32|fp16|int8]

Writes model.onnx (inputs input_ids and attention_mask int64 [batch, seq], both axes dynamic; one output of logits
per head), tokenizer.json and export.json. Fails when the file and torch differ by more than 1e-4 in any probability,
and when fp16 or int8 decides otherwise than fp32 on more than 0.5 % of the dev rows of a head, or costs a label more
than 0.002 of AUPRC.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from tokenizers import Tokenizer

from models.batches import batches, cut, encode, load_tokenizer
from models.convert import Dev, ExportError, Feed, convert
from models.heads import load_network
from models.recipe import Precision, Recipe, load_recipe
from models.rows import Row, read_rows
from models.score import Floats, OnnxModel, score

__all__ = ["ExportError", "export"]
PROBES = (
    "The library will reopen on Monday.",
    "I hate people like that, all of them.",
    "WINNER!! Claim your prize now, reply YES",
    "You won't believe what happened next",
    "The council discussed the budget for schools and roads. " * 30,
    "a",
)


def probes(tokenizer: Tokenizer, recipe: Recipe) -> Iterator[Feed]:
    """Windows of short and long texts, each alone and all in one batch."""
    windows = [w for ids in encode(tokenizer, PROBES) for w in cut(ids, recipe.max_tokens, recipe.overlap)]
    for tokens in (1, 100_000):
        for batch in batches(windows, tokens):
            yield {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}


def dev_rows(recipe: Recipe, tokenizer: Path, rows: Sequence[Row]) -> Dev:
    """Rows with a target, scored as the jobs do: windows over the whole text, then pooled."""
    rows = [r for r in rows if r["targets"]]
    named = {h.name: np.array([h.name in r["targets"] for r in rows]) for h in recipe.heads}

    def probabilities(path: Path) -> dict[str, Floats]:
        model = OnnxModel(path, recipe.heads)
        windows = score(model, tokenizer, [r["text"] for r in rows], recipe.max_tokens, recipe.overlap)
        return {h.name: windows.of(named[h.name]).pooled(h) for h in recipe.heads if named[h.name].any()}

    targets = {name: [r["targets"][name] for r in rows if name in r["targets"]] for name in named}
    return Dev({name: mine for name, mine in targets.items() if mine}, probabilities)


def export(
    recipe: Recipe, folder: Path, out: Path, dev: Sequence[Row] = (), precision: Precision | None = None
) -> dict[str, Any]:
    """Write model.onnx, tokenizer.json and export.json, and give what export.json says.

    Raises ExportError where a bar is missed, ConfigError where `dev` has no rows to hold fp16 or int8 against.
    """
    base = recipe.base_model.path()
    tokenizer = load_tokenizer(base)
    network = load_network(folder)
    feeds, held = list(probes(tokenizer, recipe)), dev_rows(recipe, base, dev)
    said = convert(network, recipe.heads, feeds, out, precision or recipe.precision, held)
    tokenizer.save(str(out / "tokenizer.json"))
    return said


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--rows", type=Path, help="what models.prepare wrote; fp16 and int8 are held against its dev rows"
    )
    parser.add_argument("--precision", choices=get_args(Precision), help="instead of the recipe's")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    dev = read_rows(args.rows, "dev") if args.rows else []
    export(load_recipe(args.recipe), args.network, args.out, dev, args.precision)


if __name__ == "__main__":
    main()
