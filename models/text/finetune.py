"""Train one encoder with several heads on sets that each label only some heads; `models.finetune` runs it."""

from __future__ import annotations

import hashlib
import json
import logging
import random
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from models.recipe import Recipe, RecipeHead
from models.rows import LabelledRow, read_rows
from models.text.batches import Batch, batches, beginning, cutter
from models.text.heads import MultiHead, masked_loss, new_network, save_network
from models.training.loop import fit
from screening.classifiers.windows import windows

log = logging.getLogger("models.finetune")
DEV_ROWS = 200  # the dev rows per head and target that are measured after an epoch; models.evaluate measures all


class TextTask:
    """The task of training several heads on windows of texts; the windows of a batch have similar lengths."""

    def __init__(self, recipe: Recipe, train: list[LabelledRow], dev: list[LabelledRow]) -> None:
        self.recipe, self.rows = recipe, len(train)
        chance = random.Random(recipe.training.seed)
        self._windows, self._owner = training_windows(recipe, train, chance)
        self._targets = target_arrays(recipe, train)
        self._lot = [chance.random() for _ in train]
        passes = {s.name: s.passes for s in recipe.sources}
        self._passes = [passes[row["set"]] for row in train]
        picked = {i for head in recipe.heads for i in _sample(recipe, dev, head, chance)}
        self._dev = [dev[i] for i in sorted(picked)]
        self._dev_windows, _ = training_windows(recipe, self._dev, chance, one=True)
        log.info("%d rows, %d windows, %d dev rows measured", len(train), len(self._windows), len(self._dev))

    def network(self) -> nn.Module:
        """Return the base model with untrained heads."""
        network = new_network(self.recipe.base_model.path(), self.recipe.heads)
        network.encoder.get_input_embeddings().requires_grad_(not self.recipe.training.freeze_embeddings)
        return network

    def batches(self, epoch: int) -> Sequence[tuple[Batch, list[int]]]:
        """Return the batches of an epoch, each with the row of every window.

        Over all epochs a row comes as often as its source's `passes` says, evenly spread.
        """
        how = self.recipe.training

        def turns(row: int, epochs: int) -> int:
            return int(self._passes[row] * epochs / how.epochs + self._lot[row])

        now = [w for w, row in enumerate(self._owner) for _ in range(turns(row, epoch + 1) - turns(row, epoch))]
        made = batches([self._windows[w] for w in now], how.tokens_per_batch, random.Random(f"{how.seed}/{epoch}"))
        return [(batch, [self._owner[now[k]] for k in batch.rows]) for batch in made]

    def loss(self, network: nn.Module, batch: tuple[Batch, list[int]], device: str) -> Tensor:
        """Return the `masked_loss` over all heads."""
        tokens, rows = batch
        logits = _forward(network, tokens, device)
        return masked_loss(logits, [t[rows].to(device) for t in self._targets], self.recipe.heads)

    def identity(self) -> str:
        """Return a digest of the windows, targets and heads."""
        said = [self._windows, self._owner, [t.tolist() for t in self._targets], self._passes]
        heads = [head.model_dump() for head in self.recipe.heads]
        return hashlib.sha256(json.dumps([said, heads]).encode()).hexdigest()

    @torch.no_grad()
    def measure(self, network: nn.Module, device: str) -> dict[str, float]:
        """Return the AUROC of each head on a sample of its own dev rows (first windows only); `score` is their mean."""
        logits = [np.zeros((len(self._dev), len(h.labels)), np.float32) for h in self.recipe.heads]
        for batch in batches(self._dev_windows, 4096):
            for into, values in zip(logits, _forward(network, batch, device), strict=True):
                into[batch.rows] = values.float().cpu().numpy()
        found = {h.name: _auroc(self.recipe, h, self._dev, z) for h, z in zip(self.recipe.heads, logits, strict=True)}
        known = {name: v for name, v in found.items() if v is not None}
        return {**known, "score": float(np.mean(list(known.values())))}


def _forward(network: nn.Module, batch: Batch, device: str) -> tuple[Tensor, ...]:
    logits: tuple[Tensor, ...] = network(
        torch.from_numpy(batch.input_ids).to(device), torch.from_numpy(batch.attention_mask).to(device)
    )
    return logits


def _sample(recipe: Recipe, dev: list[LabelledRow], head: RecipeHead, chance: random.Random) -> list[int]:
    sets = {s.name for s in recipe.sources if head.name in s.dev}
    kinds: dict[tuple[int, ...], list[int]] = {}
    for i, row in enumerate(dev):
        if row["set"] in sets and head.name in row["targets"]:
            kinds.setdefault(tuple(row["targets"][head.name]), []).append(i)
    return [i for mine in kinds.values() for i in chance.sample(mine, min(DEV_ROWS, len(mine)))]


def _auroc(recipe: Recipe, head: RecipeHead, rows: list[LabelledRow], logits: np.ndarray) -> float | None:
    """Return the mean AUROC over a head's labels, on its own dev sets; None if all rows are of one class."""
    sets = {s.name for s in recipe.sources if head.name in s.dev}
    mine = [i for i, r in enumerate(rows) if r["set"] in sets and head.name in r["targets"]]
    truth = np.array([rows[i]["targets"][head.name] for i in mine])
    sure = truth.sum(1) == 1 if head.kind == "multiclass" else truth[:, 0] >= 0
    z = torch.from_numpy(logits[mine]).log_softmax(1).numpy() if head.kind == "multiclass" else logits[mine]
    columns = [k for k in range(len(head.labels)) if len(set(truth[sure, k])) == 2]
    return float(np.mean([roc_auc_score(truth[sure, k], z[sure, k]) for k in columns])) if columns else None


def training_windows(
    recipe: Recipe, rows: list[LabelledRow], chance: random.Random, one: bool = False
) -> tuple[list[list[int]], list[int]]:
    """Return token windows, and the index of the row that each belongs to.

    A long row gives at most as many windows as its source's `windows`; with `one`, each row gives its first only.
    """
    by_set = {s.name: s for s in recipe.sources}
    tokenizer = cutter(recipe.base_model.path(), recipe.max_tokens, recipe.overlap)
    taken: list[list[int]] = []
    owner: list[int] = []
    for i, cut in groupby(windows(tokenizer, [r["text"] for r in rows]), key=lambda window: window.span.text):
        source, pieces = by_set[rows[i]["set"]], [window.ids for window in cut]
        if source.max_tokens is not None:
            pieces = beginning(pieces, source.max_tokens, recipe.overlap)
        if one:
            pieces = pieces[:1]
        elif len(pieces) > source.windows:
            pieces = chance.sample(pieces, source.windows)
        taken += pieces
        owner += [i] * len(pieces)
    return taken, owner


def target_arrays(recipe: Recipe, rows: list[LabelledRow]) -> list[Tensor]:
    """Return one float32 [rows, labels] tensor per head, as `masked_loss` takes them."""
    out = []
    for head in recipe.heads:
        missing = [0 if head.kind == "multiclass" else -1] * len(head.labels)
        out.append(torch.tensor([r["targets"].get(head.name, missing) for r in rows], dtype=torch.float32))
    return out


def train(recipe: Recipe, rows: Path, out: Path, steps: int | None = None) -> MultiHead:
    """Train on the rows that models.prepare wrote, write `final/` below `out`, and return the network."""
    task = TextTask(recipe, read_rows(rows, "train"), read_rows(rows, "dev"))
    network = fit(task, recipe.training, out, steps)
    assert isinstance(network, MultiHead)
    if PartialState().is_main_process:
        save_network(network, out / "final")
        said = json.loads((out / "history.json").read_text())
        (out / "final" / "training.json").write_text(json.dumps({**said, "rows": task.rows}))
    return network
