"""Export a trained text network to ONNX; check it against torch and, if it is rounded, on dev rows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from models.export.convert import Dev, ExportError, convert
from models.recipe import Precision, Recipe
from models.rows import LabelledRow
from models.text.batches import batches, cutter
from models.text.heads import load_network
from models.text.score import Floats, OnnxModel, score
from screening.classifiers.engines import Feed
from screening.classifiers.windows import windows

__all__ = ["ExportError", "export"]
CALIBRATION = 800  # the number of texts that the scales of int8 are set on
PROBES = (
    "The library will reopen on Monday.",
    "I hate people like that, all of them.",
    "WINNER!! Claim your prize now, reply YES",
    "You won't believe what happened next",
    "The council discussed the budget for schools and roads. " * 30,
    "a",
)


def probes(tokenizer: Tokenizer) -> Iterator[Feed]:
    """Yield windows of short and long texts, each alone and all in one batch."""
    cut = [window.ids for window in windows(tokenizer, PROBES)]
    for tokens in (1, 100_000):
        for batch in batches(cut, tokens):
            yield {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}


def dev_rows(recipe: Recipe, tokenizer: Tokenizer, rows: Sequence[LabelledRow]) -> Dev:
    """Return the rows with a target, and a function that scores them as jobs do: windows of whole texts, pooled."""
    rows = [r for r in rows if r["targets"]]
    named = {h.name: np.array([h.name in r["targets"] for r in rows]) for h in recipe.heads}

    def probabilities(path: Path) -> dict[str, Floats]:
        model = OnnxModel(path, recipe.heads)
        scored = score(model, tokenizer, [r["text"] for r in rows])
        return {h.name: scored.of(named[h.name]).pooled(h) for h in recipe.heads if named[h.name].any()}

    targets = {name: [r["targets"][name] for r in rows if name in r["targets"]] for name in named}
    return Dev({name: mine for name, mine in targets.items() if mine}, probabilities)


def calibration(recipe: Recipe, tokenizer: Tokenizer, rows: Sequence[LabelledRow]) -> list[Feed]:
    """Return batches of `CALIBRATION` training rows, drawn by lot."""
    texts = [r["text"] for r in random.Random(recipe.training.seed).sample(rows, min(len(rows), CALIBRATION))]
    cut = [window.ids for window in windows(tokenizer, texts)]
    return [{"input_ids": b.input_ids, "attention_mask": b.attention_mask} for b in batches(cut, 4096)]


def export(
    recipe: Recipe,
    folder: Path,
    out: Path,
    dev: Sequence[LabelledRow] = (),
    precision: Precision | None = None,
    train: Sequence[LabelledRow] = (),
) -> dict[str, Any]:
    """Write model.onnx, tokenizer.json and export.json, and return what export.json holds.

    Raises ExportError if the file misses a bar, and ConfigError if `dev` has no rows to check a rounded file on, or
    `train` has none to set the scales of int8.
    """
    tokenizer = cutter(recipe.base_model.path(), recipe.max_tokens, recipe.overlap)
    network = load_network(folder)
    feeds, held = list(probes(tokenizer)), dev_rows(recipe, tokenizer, dev)
    precision = precision or recipe.precision
    scales = calibration(recipe, tokenizer, train) if precision == "int8" else ()
    said = convert(network, recipe.heads, feeds, out, precision, held, scales)
    tokenizer.no_truncation()  # the file has no windows: bundle.json says how long they are
    tokenizer.save(str(out / "tokenizer.json"))
    return said
