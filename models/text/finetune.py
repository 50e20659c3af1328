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
from models.text.heads import MultiHead, new_network, save_network
from models.text.losses import masked_loss, sentence_loss, unit_logits
from models.text.plant import Sample, samples
from models.training.loop import fit
from screening.classifiers.windows import Window, windows

log = logging.getLogger("models.finetune")
MARKS = (".", "!", "?", "…", ";", ":")  # what a text without marks lacks
DEV_ROWS = 200  # the dev rows per head and target that are measured after an epoch; models.evaluate measures all


class TextTask:
    """The task of training several heads on windows of texts; the windows of a batch have similar lengths."""

    def __init__(self, recipe: Recipe, train: list[LabelledRow], dev: list[LabelledRow]) -> None:
        self.recipe, self.rows = recipe, len(train)
        chance = random.Random(recipe.training.seed)
        self._samples = training_samples(recipe, train, chance)
        self._targets = target_arrays(recipe, train)
        self._lot = [chance.random() for _ in train]
        passes = {s.name: s.passes for s in recipe.sources}
        self._passes = [passes[row["set"]] for row in train]
        carriers = recipe.plant.carriers if recipe.plant else ()
        self._carriers = [s for s in self._samples if s.units and s.row is not None and train[s.row]["set"] in carriers]
        known = cutter(recipe.base_model.path(), recipe.max_tokens, recipe.overlap).token_to_id
        self._marks = {number for mark in MARKS if (number := known(mark)) is not None}
        picked = {i for head in recipe.heads for i in _sample(recipe, dev, head, chance)}
        self._dev = [dev[i] for i in sorted(picked)]
        self._dev_samples = training_samples(recipe, self._dev, chance, one=True)
        log.info("%d rows, %d windows, %d dev rows measured", len(train), len(self._samples), len(self._dev))

    def network(self) -> nn.Module:
        """Return the base model with untrained heads."""
        network = new_network(self.recipe.base_model.path(), self.recipe.heads)
        network.encoder.get_input_embeddings().requires_grad_(not self.recipe.training.freeze_embeddings)
        return network

    def batches(self, epoch: int) -> Sequence[tuple[Batch, list[Sample]]]:
        """Return the batches of an epoch, each with what its windows are made of.

        Over all epochs a row comes as often as its source's `passes` says, evenly spread.
        """
        how = self.recipe.training

        def turns(row: int, epochs: int) -> int:
            return int(self._passes[row] * epochs / how.epochs + self._lot[row])

        due = [
            s for s in self._samples if s.row is not None for _ in range(turns(s.row, epoch + 1) - turns(s.row, epoch))
        ]
        chance = random.Random(f"{how.seed}/{epoch}")
        now = samples(due, self._carriers, self.recipe.plant, chance, self._marks)
        made = batches([sample.ids for sample in now], how.tokens_per_batch, chance)
        return [(batch, [now[k] for k in batch.rows]) for batch in made]

    def loss(self, network: nn.Module, batch: tuple[Batch, list[Sample]], device: str) -> Tensor:
        """Return the sum of `masked_loss` over heads about windows and of `sentence_loss` over the others."""
        tokens, made = batch
        logits = _forward(network, tokens, device)
        total = logits[0].new_zeros((), dtype=torch.float32)
        whole, parts = ([k for k, h in enumerate(self.recipe.heads) if h.unit == u] for u in ("window", "sentence"))
        if whole and (there := [(k, s.row) for k, s in enumerate(made) if s.row is not None]):
            which, rows = map(list, zip(*there, strict=True))
            heads = [self.recipe.heads[k] for k in whole]
            targets = [self._targets[k][rows].to(device) for k in whole]
            total = total + masked_loss([logits[k][which] for k in whole], targets, heads)
        units = [(k, *unit) for k, sample in enumerate(made) for unit in sample.units]
        if parts and units:
            place = torch.tensor(units)
            row, first, last, owner = place.T.to(device)
            _, bags = torch.unique(torch.stack((row, owner)), dim=1, return_inverse=True)
            pooled = [unit_logits(logits[k], row, first, last) for k in parts]
            targets = [self._targets[k][place[:, 3]].to(device) for k in parts]
            total = total + sentence_loss(pooled, targets, bags, [self.recipe.heads[k] for k in parts])
        return total

    def amount(self, batch: tuple[Batch, list[Sample]]) -> int:
        """Return the tokens of a batch, padding included."""
        return batch[0].input_ids.size

    def identity(self) -> str:
        """Return a digest of the windows, targets and heads."""
        made = [(s.ids, s.units, s.row) for s in self._samples]
        said = [made, [t.tolist() for t in self._targets], self._passes]
        heads = [head.model_dump() for head in self.recipe.heads]
        plant = self.recipe.plant.model_dump() if self.recipe.plant else None
        return hashlib.sha256(json.dumps([said, heads, plant]).encode()).hexdigest()

    @torch.no_grad()
    def measure(self, network: nn.Module, device: str) -> dict[str, float]:
        """Return the AUROC of each head on a sample of its own dev rows (first windows only); `score` is their mean."""
        logits = [np.zeros((len(self._dev), len(h.labels)), np.float32) for h in self.recipe.heads]
        for batch in batches([sample.ids for sample in self._dev_samples], 4096):
            for head, into, values in zip(self.recipe.heads, logits, _forward(network, batch, device), strict=True):
                into[batch.rows] = self._read(head, values, batch).float().cpu().numpy()
        found = {h.name: _auroc(self.recipe, h, self._dev, z) for h, z in zip(self.recipe.heads, logits, strict=True)}
        known = {name: v for name, v in found.items() if v is not None}
        return {**known, "score": float(np.mean(list(known.values())))}

    def _read(self, head: RecipeHead, values: Tensor, batch: Batch) -> Tensor:
        """Return [rows, labels]: the logits of a window, or of each label in the sentence where it is highest."""
        if head.unit == "window":
            return values
        units = [(k, a, b) for k, i in enumerate(batch.rows) for a, b, _ in self._dev_samples[i].units]
        row, first, last = torch.tensor(units).T.to(values.device)
        z = unit_logits(values, row, first, last)
        z = z.log_softmax(1) if head.kind == "multiclass" else z
        highest = torch.full((len(batch.rows), z.shape[1]), -1e4).to(z)
        return highest.scatter_reduce(0, row[:, None].expand_as(z), z, "amax")


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


def training_samples(recipe: Recipe, rows: list[LabelledRow], chance: random.Random, one: bool = False) -> list[Sample]:
    """Return the windows of the rows, each with the row that it belongs to, and its sentences if a head scores them.

    A long row gives at most as many windows as its source's `windows`; with `one`, each row gives its first only.
    """
    by_set = {s.name: s for s in recipe.sources}
    tokenizer = cutter(recipe.base_model.path(), recipe.max_tokens, recipe.overlap)
    by_sentence = any(head.unit == "sentence" for head in recipe.heads)
    made: list[Sample] = []
    found = windows(tokenizer, [r["text"] for r in rows], sentences=by_sentence)
    for i, cut in groupby(found, key=lambda window: window.span.text):
        source, whole = by_set[rows[i]["set"]], list(cut)
        pieces = [window.ids for window in whole]
        if source.max_tokens is not None:
            pieces = beginning(pieces, source.max_tokens, recipe.overlap)
        parts = [_piece(window, ids, i) for window, ids in zip(whole, pieces, strict=False)]
        if one:
            parts = parts[:1]
        elif len(parts) > source.windows:
            parts = chance.sample(parts, source.windows)
        made += parts
    return made


def _piece(window: Window, ids: list[int], row: int) -> Sample:
    """Return the beginning of a window that has these ids, with the sentences in it."""
    end = len(ids) - (len(ids) < len(window.ids))
    return Sample(ids, [(u.first, min(u.last, end), row) for u in window.units if u.first < end], row)


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
