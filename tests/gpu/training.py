"""How fast the network of the bundle that ships is trained."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from models.data.contrast import contrast_rows
from models.recipe import Recipe, load_recipe
from models.text.batches import Batch
from models.text.finetune import TextTask
from models.text.plant import Sample
from models.training.loop import fit
from tests.benchmarks.engines.ceilings import Sizes
from tests.generate import article
from tests.gpu.kit import SMALL, Found, Kit
from tests.models.conftest import make_base

RECIPE = Path(__file__).parents[2] / "models" / "recipes" / "text-screen.yaml"
STEPS = 150
WARM = 0.2  # of the steps come before the clock starts
ARTICLES = 10_000
BATCHES = (2048, 16_384)  # tokens: as the recipe says, and as a GPU may like better


class Clocked(TextTask):
    """Notes when each batch begins and what it holds; the loop waits for every loss, so these times are true."""

    def __init__(self, recipe: Recipe, train: list[Any], dev: list[Any]) -> None:
        super().__init__(recipe, train, dev)
        self.began: list[float] = []
        self.lengths: list[list[int]] = []
        self.losses: list[Tensor] = []

    def loss(self, network: nn.Module, batch: tuple[Batch, list[Sample]], device: str) -> Tensor:
        """The loss, on the clock."""
        self.began.append(time.perf_counter())
        self.lengths.append(batch[0].attention_mask.sum(1).tolist())
        loss = super().loss(network, batch, device)
        self.losses.append(loss.detach())
        return loss


def measure(kit: Kit) -> Found:
    """Useful tokens a second in a training like the bundle's own, on rows made up for it."""
    whole = load_recipe(RECIPE)
    source = next(source for source in whole.sources if source.name == "contrast")
    taught = {name for targets in source.labels.values() for name in targets}
    heads = tuple(head for head in whole.heads if head.name in taught)
    source = source.model_copy(update={"dev": tuple(head.name for head in heads), "passes": 1})
    recipe = whole.model_copy(update={"sources": (source,), "heads": heads})
    if kit.scale < SMALL:
        base = whole.base_model.model_copy(update={"package": "", "folder": str(make_base(kit.folder))})
        recipe = recipe.model_copy(update={"base_model": base, "max_tokens": 64, "overlap": 8})
    train, dev = rows(recipe, kit)
    sizes, steps, found = Sizes.of(recipe.base_model.path()), kit.number(STEPS, 4), Found()
    for tokens in (kit.number(full, 256) for full in BATCHES):
        how = recipe.training.model_copy(update={"tokens_per_batch": tokens, "epochs": 1})
        task = Clocked(recipe.model_copy(update={"training": how}), train, dev)
        fit(task, how, kit.folder / str(tokens), steps)
        at = max(1, int(WARM * len(task.began)))
        counted = list(itertools.chain(*task.lengths[at:-1]))
        seconds = task.began[-1] - task.began[at]
        found.measured(f"batches of {tokens:,} tokens", sum(counted) / seconds, "tokens/s")
        # Backward is twice forward (Kaplan et al. 2020, section 2.1), whose products Sizes.flops counts.
        found.measured(f"batches of {tokens:,} tokens", 3 * sizes.flops(counted) / seconds / 1e12, "TFLOP/s")
        losses = [float(loss) for loss in task.losses]
        found.more[str(tokens)] = {"steps": len(losses), "losses": losses}
        found.at_most(f"batches of {tokens:,} tokens: losses that are no numbers", int((~np.isfinite(losses)).sum()), 0)
        if kit.scale >= 1:
            fifth = len(losses) // 5
            ratio = float(np.mean(losses[-fifth:]) / np.mean(losses[:fifth]))
            found.at_most(f"batches of {tokens:,} tokens: last losses over first", ratio, 0.9)
    return found


def rows(recipe: Recipe, kit: Kit) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Training and dev rows as models.rows has them: templates with their labels, and articles, which are ordinary."""
    labels = recipe.sources[0].labels
    heads = {head.name: head for head in recipe.heads}
    rng = random.Random(0)
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in contrast_rows():
        kinds.setdefault((row["split"], row["label"]), []).append(row)
    made = [row for own in kinds.values() for row in own[: kit.number(len(own), 2)]]  # of each, so no head lacks rows
    made += [
        {"text": article(rng, rng.randint(60, 400)), "label": "ordinary", "split": "train"}
        for _ in range(kit.number(ARTICLES, 20))
    ]
    splits: dict[str, list[dict[str, Any]]] = {"train": [], "dev": []}
    for number, row in enumerate(made):
        targets = {}
        for name, target in labels[row["label"]].items():
            if heads[name].kind == "multiclass":
                allowed = (target,) if isinstance(target, str) else target
                targets[name] = [int(label in allowed) for label in heads[name].labels]
            else:
                targets[name] = [int(target)]
        splits[row["split"]].append({"id": str(number), "set": "contrast", **row, "targets": targets})
    return splits["train"], splits["dev"]
