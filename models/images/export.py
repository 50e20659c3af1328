"""Export a trained network to ONNX; check it against torch and, if it is rounded, on dev photographs.

    python -m models.images.export RECIPE --network DIR --rows DIR --out DIR

The command writes model.onnx (input pixels uint8 [batch, height, width, channels]) and export.json. Like models.export,
it fails if the exported model differs too much.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from torch import Tensor, nn

from models.console import command_line, console
from models.export.convert import Dev, convert, output
from models.images.network import StemmedClassifier, load_network
from models.images.photographs import load
from models.images.recipe import ImageRecipe, load_image_recipe
from models.images.versions import measured_versions, targets
from models.recipe import RecipeHead
from models.text.score import Floats, Windows
from screening.classifiers.engines import Feed
from screening.classifiers.pictures import cut

INPUT = "pixels"
ROWS = 16  # the rows of a batch
Tiles = Sequence[npt.NDArray[np.uint8]]


def head_of(recipe: ImageRecipe) -> RecipeHead:
    """Return one head with all labels; it takes the mean over the tiles, since a picture is damaged as a whole."""
    return RecipeHead(name="quality", kind="multilabel", labels=recipe.labels, pool="mean")


class _Outputs(nn.Module):
    """A network that gives a tuple of logits, one per head, as `models.export.convert` takes them."""

    def __init__(self, network: StemmedClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor]:
        return (self.network(pixels),)


class OnnxImageModel:
    """A session of ONNX Runtime on the CPU."""

    def __init__(self, path: Path, recipe: ImageRecipe, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.head = head_of(recipe)

    def logits(self, tiles: Tiles) -> npt.NDArray[np.float32]:
        """Return the logits [n, labels] of uint8 tiles [height, width, channels]."""
        parts = []
        for start in range(0, len(tiles), ROWS):
            feed = {INPUT: np.stack(tiles[start : start + ROWS])}
            parts.append(self.session.run([output(self.head)], feed)[0])
        return np.concatenate(parts)


def probes(recipe: ImageRecipe) -> list[Feed]:
    """Return tiles of noise and of plain greys, each alone and all in one batch."""
    shape = (*recipe.image.size, recipe.image.channels)
    noise = np.random.default_rng(recipe.training.seed).integers(0, 256, (4, *shape), np.uint8)
    tiles = [*noise, *(np.full_like(noise[0], grey) for grey in (0, 128, 255))]
    return [{INPUT: np.stack(batch)} for batch in (*([tile] for tile in tiles), tiles)]


def dev_rows(recipe: ImageRecipe, rows: Path) -> Dev:
    """Return every version of the dev photographs, with a function that scores them as jobs do (tiles, then pooled)."""
    head, tiles, owner, wanted = head_of(recipe), [], list[int](), list[list[int]]()
    for row, pixels in load(rows, "dev"):
        for version in measured_versions(recipe, row["id"], pixels, row["part"] == "drawing"):
            own = [seen for seen, _ in cut(version.pixels, recipe.image)]
            tiles += own
            owner += [len(wanted)] * len(own)
            severity = targets(recipe, version.strengths)
            wanted.append([-1 if not (s >= 0.5 or s == 0) else int(s > 0) for s in severity])

    def probabilities(path: Path) -> dict[str, Floats]:
        return {head.name: windows_of(head, OnnxImageModel(path, recipe).logits(tiles), owner).pooled(head)}

    return Dev({head.name: wanted}, probabilities)


def windows_of(head: RecipeHead, logits: npt.NDArray[np.float32], owner: Sequence[int]) -> Windows:
    """Return the logits of tiles as windows that `models.text.score` can pool, all of the same weight."""
    pictures = max(owner) + 1
    return Windows({head.name: logits}, np.array(owner), np.ones(len(owner), np.int64), np.zeros((pictures, 0)))


def export(recipe: ImageRecipe, folder: Path, rows: Path, out: Path) -> dict[str, Any]:
    """Write model.onnx and export.json, and return what export.json holds. Raises ExportError if a bar is missed."""
    dev = None if recipe.precision == "fp32" else dev_rows(recipe, rows)
    network = _Outputs(load_network(recipe, folder)).eval()
    return convert(network, [head_of(recipe)], probes(recipe), out, recipe.precision, dev)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--network", type=Path, required=True, help="the folder of the trained network")
    parser.add_argument("--rows", type=Path, required=True, help="the folder with the rows of photographs")
    parser.add_argument("--out", type=Path, required=True, help="the folder for model.onnx and export.json")
    args = parser.parse_args(argv)
    with console():
        export(load_image_recipe(args.recipe), args.network, args.rows, args.out)


if __name__ == "__main__":
    main()
