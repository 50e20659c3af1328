"""Scores of an exported model, through ONNX Runtime as the jobs run it: windows over the whole text, then pooled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from models.recipe import RecipeHead
from models.text.batches import Batch, batches, cut, encode, load_tokenizer
from screening.classifiers.engines.floats import float_graph
from screening.classifiers.surface import formed, surface

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Form:
    """What the form of a text adds to the logit of its pooled score: one number of each per feature of `FEATURES`."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]

    def added(self, pooled: Floats, forms: Floats) -> Floats:
        """`pooled` probabilities [texts] with the `forms` [texts, features] added."""
        return formed(pooled, forms, self.weight, self.centre, self.spread)


@dataclass(frozen=True)
class Calibration:
    """p = softmax or sigmoid of scale * logits + shift, one number of each per label; then the form of the text."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]
    surface: Form | None = None


def probabilities(head: RecipeHead, logits: npt.NDArray[np.floating], calibration: Calibration | None = None) -> Floats:
    """Probabilities [n, labels] of one head; uncalibrated without a calibration."""
    z = np.asarray(logits, np.float64)
    if calibration:
        z = z * np.array(calibration.scale) + np.array(calibration.shift)
    if head.kind == "multilabel":
        each: Floats = 1 / (1 + np.exp(-z))
        return each
    e: Floats = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


class OnnxModel:
    """One session on the CPU: the file as it is, or `in_float` what engines in a float precision make of it."""

    def __init__(self, path: Path, heads: Sequence[RecipeHead], threads: int = 0, in_float: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        model = float_graph(path.read_bytes()) if in_float else str(path)
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.heads = tuple(heads)

    def logits(self, batch: Batch) -> dict[str, npt.NDArray[np.float32]]:
        """{head: [batch, labels]}."""
        feeds = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        values = self.session.run([f"logits_{h.name}" for h in self.heads], feeds)
        return {h.name: v for h, v in zip(self.heads, values, strict=True)}


@dataclass(frozen=True)
class Windows:
    """Logits {head: [windows, labels]} of all windows, the text that each belongs to (ascending), its tokens.

    `forms` [texts, features] is what `screening.classifiers.surface` sees of each whole text.
    """

    logits: Mapping[str, npt.NDArray[np.float32]]
    owner: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    forms: Floats

    def of(self, texts: npt.NDArray[np.bool_]) -> Windows:
        """The windows of some of the texts, which are numbered anew."""
        where = texts[self.owner]
        number = np.cumsum(texts) - 1
        logits = {name: z[where] for name, z in self.logits.items()}
        return Windows(logits, number[self.owner[where]], self.tokens[where], self.forms[texts])

    def pooled(self, head: RecipeHead, calibration: Calibration | None = None) -> Floats:
        """[texts, labels]: `max` per label over the windows, or the mean weighted by tokens."""
        p = probabilities(head, self.logits[head.name], calibration)
        starts = np.flatnonzero(np.r_[True, np.diff(self.owner) > 0])
        if head.pool == "max":
            pooled: Floats = np.maximum.reduceat(p, starts)
        else:
            weight = self.tokens[:, None].astype(np.float64)
            pooled = np.add.reduceat(p * weight, starts) / np.add.reduceat(weight, starts)
        form = calibration.surface if calibration else None
        return form.added(pooled[:, 0], self.forms)[:, None] if form else pooled


def score(model: OnnxModel, folder: Path, texts: Sequence[str], max_tokens: int, overlap: int) -> Windows:
    """Every window of every text; `folder` holds tokenizer.json."""
    tokenizer = load_tokenizer(folder)
    windows, owner = [], []
    for i, ids in enumerate(encode(tokenizer, texts)):
        pieces = cut(ids, max_tokens, overlap)
        windows += pieces
        owner += [i] * len(pieces)
    logits = {h.name: np.zeros((len(windows), len(h.labels)), np.float32) for h in model.heads}
    for batch in batches(windows, 4096):
        for name, values in model.logits(batch).items():
            logits[name][batch.rows] = values
    forms = np.array([surface(text) for text in texts])
    return Windows(logits, np.array(owner), np.array([len(w) for w in windows]), forms)
