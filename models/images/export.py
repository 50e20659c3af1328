"""A trained network to ONNX with int8 weights, checked against torch.

    python -m models.images.export RECIPE --network DIR --out DIR

Writes model.onnx: input pixels float32 [batch, channels, height, width], output logits [batch, labels].
"""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch

from models.export import PARITY, ExportError
from models.images.network import StemmedClassifier, load_network
from models.images.recipe import ImageRecipe, load_image_recipe
from models.quantise import quantise_weights, round_weights
from screening.classifiers.manifest import Pixels
from screening.classifiers.pictures import normalised

log = logging.getLogger("models.images.export")
INPUT, OUTPUT = "pixels", "logits"
ROWS = 16  # of a batch
PROBES = 8  # tiles, of noise and of ramps


def to_onnx(network: StemmedClassifier, recipe: ImageRecipe, path: Path) -> None:
    """Write the float32 graph; the batch is dynamic."""
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)
    logging.getLogger("onnxscript").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(2, *recipe.image.shape),), path, dynamo=True, opset_version=20, external_data=False,
            input_names=[INPUT], output_names=[OUTPUT], verbose=False,
            dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
        )  # fmt: skip


def export(recipe: ImageRecipe, folder: Path, out: Path) -> float:
    """Write the model; gives the largest |Δp| from torch with the same rounded weights. ExportError above `PARITY`."""
    out.mkdir(parents=True, exist_ok=True)
    network, path = load_network(recipe, folder), out / "model.onnx"
    round_weights(network)  # type: ignore[arg-type]  # it reads .encoder only
    to_onnx(network, recipe, path)
    model = onnx.load(path)
    count = quantise_weights(model)
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)
    delta = parity(network, OnnxImageModel(path), recipe)
    log.info("%d int8 weights, %.1f MB, parity with torch %.1e", count, path.stat().st_size / 1e6, delta)
    if not delta <= PARITY:
        raise ExportError(f"file and torch differ by {delta:.2e} in probability; at most {PARITY} is allowed")
    return delta


def parity(network: StemmedClassifier, model: OnnxImageModel, recipe: ImageRecipe) -> float:
    """Largest |Δp| between torch and the file, together and alone."""
    channels, height, width = recipe.image.shape
    chance = np.random.default_rng(recipe.training.seed)
    ramps = np.linspace(0, 255, PROBES * height).astype(np.uint8).reshape(PROBES, height, 1, 1)
    noise = chance.integers(0, 256, (PROBES, height, width, channels), np.uint8)
    tiles = np.concatenate((np.broadcast_to(ramps, noise.shape), noise))
    with torch.no_grad():
        made = np.stack([normalised(tile, recipe.image) for tile in tiles])
        wanted = network(torch.from_numpy(made)).sigmoid().numpy()
    together = model.logits(tiles, recipe.image)
    alone = np.concatenate([model.logits(tile[None], recipe.image) for tile in tiles])
    return max(float(np.abs(1 / (1 + np.exp(-got)) - wanted).max()) for got in (together, alone))


class OnnxImageModel:
    """One session on the CPU."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def logits(self, tiles: Sequence[npt.NDArray[np.uint8]], how: Pixels) -> npt.NDArray[np.float32]:
        """[n, labels] of uint8 tiles [height, width, channels]."""
        parts = []
        for start in range(0, len(tiles), ROWS):
            batch = np.stack([normalised(tile, how) for tile in tiles[start : start + ROWS]])
            parts.append(self.session.run([OUTPUT], {INPUT: batch})[0])
        return np.concatenate(parts)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    export(load_image_recipe(args.recipe), args.network, args.out)


if __name__ == "__main__":
    main()
