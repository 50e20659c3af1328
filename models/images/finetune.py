"""Train an image classifier on tiles of photographs that are damaged during training.

    accelerate launch -m models.finetune RECIPE --rows DIR --out DIR [--steps N]

It reads the rows that models.images.photographs wrote. An interrupted run continues from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from accelerate import PartialState
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from models.images.network import StemmedClassifier, save_network
from models.images.photographs import load
from models.images.recipe import ImageRecipe
from models.images.versions import chance_of, measured_versions, targets, training_version
from models.training.loop import fit
from screening.classifiers.pictures import BLOCK, cut, reflected, scaled

log = logging.getLogger("models.images.finetune")
Batch = tuple[int, tuple[tuple[int, int], ...]]  # the epoch, and each picture's (photograph, number of the version)


class DamageTask:
    """The task of telling the severity of each kind of damage from tiles; each epoch damages photographs anew."""

    def __init__(self, recipe: ImageRecipe, rows: Path) -> None:
        self.recipe = recipe
        self._photographs = [(row["id"], row["part"] == "drawing", pixels) for row, pixels in load(rows, "train")]
        tiles, owner, truth = list[Any](), list[int](), list[Any]()
        for row, pixels in load(rows, "dev"):
            for version in measured_versions(recipe, row["id"], pixels, row["part"] == "drawing"):
                if version.cropped:
                    continue
                own = [seen for seen, _ in cut(version.pixels, recipe.image)]
                tiles += own
                owner += [len(truth)] * len(own)
                truth.append(targets(recipe, version.strengths))
        self._dev, self._owner, self._truth = np.stack(tiles), np.array(owner), np.stack(truth)
        log.info("%d pictures, %d dev versions of %d tiles", len(self._photographs), len(truth), len(tiles))

    def network(self) -> nn.Module:
        """Return an untrained network."""
        return StemmedClassifier(self.recipe)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return which versions of which photographs are in each batch; they are made when the batch is used."""
        every = [(i, n) for i in range(len(self._photographs)) for n in range(self.recipe.versions)]
        order = chance_of(self.recipe, "order", epoch).permutation(len(every))
        size = self.recipe.batch
        return [(epoch, tuple(every[i] for i in order[k : k + size])) for k in range(0, len(order) - size + 1, size)]

    def loss(self, network: nn.Module, batch: Batch, device: str) -> Tensor:
        """Return the mean binary cross-entropy over all tiles and known labels; the targets are severities."""
        tiles, wanted = self.made(batch)
        logits = network(torch.from_numpy(tiles).to(device)).float()
        target = torch.from_numpy(wanted).to(device)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, target.nan_to_num(), reduction="none")
        return loss[~target.isnan()].mean()

    def amount(self, batch: Batch) -> int:
        """Return the number of pictures in a batch."""
        return len(batch)

    def identity(self) -> str:
        """Return a digest of the photographs and of how they are damaged."""
        seen = hashlib.sha256(self.recipe.model_dump_json().encode())
        for name, _, pixels in self._photographs:
            seen.update(name.encode() + pixels.tobytes())
        return seen.hexdigest()

    @torch.no_grad()
    def measure(self, network: nn.Module, device: str) -> dict[str, float]:
        """Return each label's AUROC on the dev versions (mean over their tiles); `score` is their mean."""
        tiles = [
            network(torch.from_numpy(part).to(device)).float().sigmoid().cpu().numpy()
            for part in np.array_split(self._dev, -(-len(self._dev) // 64))
        ]
        count = np.bincount(self._owner)[:, None]
        pooled = np.add.reduceat(np.concatenate(tiles), np.flatnonzero(np.diff(self._owner, prepend=-1))) / count
        found = {}
        for k, label in enumerate(self.recipe.labels):
            clear = (self._truth[:, k] >= 0.5) | (self._truth[:, k] == 0)
            found[label] = float(roc_auc_score(self._truth[clear, k] > 0, pooled[clear, k]))
        return {**found, "score": float(np.mean(list(found.values())))}

    def made(self, batch: Batch) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Return the tiles of a batch, uint8 [n, height, width, channels], and their targets [n, labels]."""
        epoch, pictures = batch
        recipe, tiles, wanted = self.recipe, [], []
        for i, number in pictures:
            name, drawing, pixels = self._photographs[i]
            chance = chance_of(recipe, "train", epoch, name, number)
            version = training_version(recipe, pixels, drawing, chance)
            tiles += list(_random_tiles(recipe, version.pixels, chance))
            wanted += [targets(recipe, version.strengths)] * recipe.tiles
        return np.stack(tiles), np.stack(wanted)


def _random_tiles(
    recipe: ImageRecipe, pixels: npt.NDArray[np.uint8], chance: np.random.Generator
) -> Sequence[npt.NDArray[np.uint8]]:
    size = recipe.image.size
    pixels = reflected(pixels, size)
    whole = [scaled(pixels, size)] if recipe.image.channels > 3 else []
    out = []
    for _ in range(recipe.tiles):
        room = [(has - wanted) // BLOCK + 1 for has, wanted in zip(pixels.shape, size, strict=False)]
        top, left = (BLOCK * int(chance.integers(0, places)) for places in room)
        out.append(np.concatenate([pixels[top : top + size[0], left : left + size[1]], *whole], axis=2))
    return out


def train(recipe: ImageRecipe, rows: Path, out: Path, steps: int | None = None) -> nn.Module:
    """Train, write the network to `out`/final, and return it."""
    network = fit(DamageTask(recipe, rows), recipe.training, out, steps)
    if PartialState().is_main_process:
        save_network(network, out / "final")
    return network
