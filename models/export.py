"""A trained network to ONNX, checked against torch and, where it is rounded, on dev rows.

    python -m models.export RECIPE --network DIR --out DIR [--rows DIR] [--precision fp32|fp16|int8|int8_weights]
    python -m models.export --from CHECKPOINT --labels LABELS.yaml --name NAME --version VERSION --to DIR \\
        [--calibrate FILE.jsonl] [--precision fp32|fp16|int8_weights]

Writes model.onnx (inputs input_ids and attention_mask int64 [batch, seq], both axes dynamic; one output of logits
per head), tokenizer.json and export.json. Fails when the file and torch differ by more than 1e-4 in any probability,
and when a rounded file decides otherwise than fp32 on more of the dev rows of a head, or costs a label more AUPRC, than
`models.gate` allows. `int8` multiplies int8 by int8, with scales set on training rows, and is run in float as well;
`int8_weights` only stores weights so.

`--from` makes a published bundle of a sequence- or image-classification checkpoint (a folder in the format of
transformers, or a hub name) in one step. LABELS.yaml says `kind: multiclass` or `multilabel` and `labels:` {theirs:
ours}; models/adopt/labels.py has its other fields. `--calibrate` has rows {"text", "label"} or {"image", "label"};
without them the bundle is uncalibrated, and a policy may use its scores but no targets.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from tokenizers import Tokenizer

from models.batches import batches, cut, encode, load_tokenizer
from models.console import console
from models.convert import Dev, ExportError, Feed, convert
from models.heads import load_network
from models.recipe import Precision, Recipe, load_recipe
from models.rows import Row, read_rows
from models.score import Floats, OnnxModel, score

__all__ = ["ExportError", "export"]
CALIBRATION = 800  # texts
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


def calibration(recipe: Recipe, tokenizer: Tokenizer, rows: Sequence[Row]) -> list[Feed]:
    """Batches of `CALIBRATION` of the training rows by lot."""
    texts = [r["text"] for r in random.Random(recipe.training.seed).sample(rows, min(len(rows), CALIBRATION))]
    windows = [w for ids in encode(tokenizer, texts) for w in cut(ids, recipe.max_tokens, recipe.overlap)]
    return [{"input_ids": b.input_ids, "attention_mask": b.attention_mask} for b in batches(windows, 4096)]


def export(
    recipe: Recipe,
    folder: Path,
    out: Path,
    dev: Sequence[Row] = (),
    precision: Precision | None = None,
    train: Sequence[Row] = (),
) -> dict[str, Any]:
    """Write model.onnx, tokenizer.json and export.json, and give what export.json says.

    Raises ExportError where a bar is missed, ConfigError where `dev` has no rows to hold a rounded file against, or
    `train` none to set the scales of int8 on.
    """
    base = recipe.base_model.path()
    tokenizer = load_tokenizer(base)
    network = load_network(folder)
    feeds, held = list(probes(tokenizer, recipe)), dev_rows(recipe, base, dev)
    precision = precision or recipe.precision
    scales = calibration(recipe, tokenizer, train) if precision == "int8" else ()
    said = convert(network, recipe.heads, feeds, out, precision, held, scales)
    tokenizer.save(str(out / "tokenizer.json"))
    return said


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", "--to", dest="out", required=True, help="folder; with --from also a gs:// prefix")
    parser.add_argument("--precision", choices=get_args(Precision), help="default: the recipe's, or fp32 with --from")
    ours = parser.add_argument_group("a network that was trained here")
    ours.add_argument("recipe", type=Path, nargs="?")
    ours.add_argument("--network", type=Path)
    ours.add_argument("--rows", type=Path, help="of models.prepare; a rounded file is held against its dev rows")
    theirs = parser.add_argument_group("a checkpoint that is there")
    theirs.add_argument("--from", dest="checkpoint", help="folder or hub name")
    theirs.add_argument("--labels", type=Path, metavar="LABELS.yaml")
    theirs.add_argument("--name")
    theirs.add_argument("--version")
    theirs.add_argument("--calibrate", type=Path, metavar="FILE.jsonl")
    args = parser.parse_args()
    with console():
        mine, other = (("recipe", "network"), ("rows",)), (("labels", "name", "version"), ("calibrate",))
        (needed, _), strange = (other, sum(mine, ())) if args.checkpoint else (mine, sum(other, ()))
        if missing := [name for name in needed if not getattr(args, name)]:
            parser.error(f"{'--from' if args.checkpoint else 'a recipe'} needs {', '.join(missing)}")
        if unused := [name for name in strange if getattr(args, name)]:
            parser.error(f"{'--from' if args.checkpoint else 'a recipe'} takes no {', '.join(unused)}")
        if args.checkpoint:
            from models.adopt import adopt

            precision = args.precision or "fp32"
            adopt(args.checkpoint, args.labels, args.name, args.version, args.out, args.calibrate, precision)
            return
        train, dev = (read_rows(args.rows, split) if args.rows else [] for split in ("train", "dev"))
        export(load_recipe(args.recipe), args.network, Path(args.out), dev, args.precision, train)


if __name__ == "__main__":
    main()
