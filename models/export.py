"""A trained network to ONNX with int8 weights, checked against torch.

    python -m models.export RECIPE --network DIR --out DIR

Writes model.onnx (inputs input_ids and attention_mask int64 [batch, seq], both axes dynamic; one output of logits
per head) and tokenizer.json. Fails when the file and torch, both with the rounded weights, differ by more than
`PARITY` in any probability.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer

from models.batches import batches, cut, encode, load_tokenizer
from models.heads import MultiHead, load_network
from models.quantise import quantise_weights, round_weights
from models.recipe import Recipe, load_recipe
from models.score import OnnxModel, probabilities

log = logging.getLogger("models.export")
PARITY = 1e-4
PROBES = (
    "The library will reopen on Monday.",
    "I hate people like that, all of them.",
    "WINNER!! Claim your prize now, reply YES",
    "You won't believe what happened next",
    "The council discussed the budget for schools and roads. " * 30,
    "a",
)


class ExportError(Exception):
    """The exported file does not compute what torch computes."""


def to_onnx(network: MultiHead, path: Path) -> None:
    """Write the float32 graph, plain operators only."""
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)
    logging.getLogger("onnxscript").setLevel(logging.WARNING)
    ids = torch.randint(1, 50, (2, 16))
    names = [f"logits_{h.name}" for h in network.heads]
    batch, seq = torch.export.Dim("batch"), torch.export.Dim("seq")
    shape = {0: batch, 1: seq}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (ids, torch.ones_like(ids)), path, dynamo=True, opset_version=20, external_data=False,
            input_names=["input_ids", "attention_mask"], output_names=names, verbose=False,
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
        )  # fmt: skip


def parity(network: MultiHead, model: OnnxModel, tokenizer: Tokenizer, recipe: Recipe) -> float:
    """Largest |Δp| between torch and the file over the probe texts, short and long in one batch and alone."""
    windows = [w for ids in encode(tokenizer, PROBES) for w in cut(ids, recipe.max_tokens, recipe.overlap)]
    worst = 0.0
    for tokens in (1, 100_000):
        for batch in batches(windows, tokens):
            with torch.no_grad():
                wanted = network(torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask))
            got = model.logits(batch)
            for head, z in zip(network.heads, wanted, strict=True):
                delta = np.abs(probabilities(head, z.numpy()) - probabilities(head, got[head.name])).max()
                worst = max(worst, float(delta))
    return worst


def export(recipe: Recipe, folder: Path, out: Path) -> float:
    """Write the model and tokenizer; gives the parity. Raises ExportError above `PARITY`."""
    out.mkdir(parents=True, exist_ok=True)
    network = load_network(folder)
    round_weights(network)
    to_onnx(network, out / "model.onnx")
    model = onnx.load(out / "model.onnx")
    count = quantise_weights(model)
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, out / "model.onnx")
    tokenizer = load_tokenizer(recipe.base_model.path())
    tokenizer.save(str(out / "tokenizer.json"))
    delta = parity(network, OnnxModel(out / "model.onnx", recipe.heads), tokenizer, recipe)
    size = (out / "model.onnx").stat().st_size / 1e6
    log.info("%d int8 weights, %.1f MB, parity with torch %.1e", count, size, delta)
    if not delta <= PARITY:
        raise ExportError(f"file and torch differ by {delta:.2e} in probability; at most {PARITY} is allowed")
    return delta


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    export(load_recipe(args.recipe), args.network, args.out)


if __name__ == "__main__":
    main()
