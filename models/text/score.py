"""Score texts with an exported model on ONNX Runtime, cut, calibrated and pooled by the same code as in jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from models.recipe import RecipeHead
from screening.classifiers.batches import feed, plan, slab
from screening.classifiers.engines.floats import float_graph
from screening.classifiers.pooling import Pooling, calibrated, with_any
from screening.classifiers.sentences.units import means
from screening.classifiers.surface import formed, surface
from screening.classifiers.windows import Span, Window, windows

Floats = npt.NDArray[np.float64]
Logits = npt.NDArray[np.float32]
BUDGET = 4096  # the tokens of a batch, padding included


@dataclass(frozen=True)
class FittedForm:
    """How the form of a text moves the logit of its pooled score; each field has one number per entry of `FEATURES`."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]

    def added(self, pooled: Floats, forms: Floats) -> Floats:
        """Return the `pooled` probabilities [texts] after the `forms` [texts, features] have moved them."""
        return formed(pooled, forms, self.weight, self.centre, self.spread)


@dataclass(frozen=True)
class HeadCalibration:
    """A head's calibration: the softmax or sigmoid of `scale * logits + shift`, then the form of the text.

    `scale` and `shift` have one number per label. The pooled logit of a head about sentences falls by `discount` for
    each factor of e in their number.
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]
    surface: FittedForm | None = None
    discount: float = 0.0


class OnnxModel:
    """A session of ONNX Runtime on the CPU that runs the file as it is, or `in_float`, as float engines run it."""

    def __init__(
        self, path: Path, heads: Sequence[RecipeHead], threads: int = 0, in_float: bool = False,
        inputs: Sequence[str] = ("input_ids", "attention_mask"),
    ) -> None:  # fmt: skip
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        model = float_graph(path.read_bytes()) if in_float else str(path)
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.heads, self.inputs = tuple(heads), tuple(inputs)

    def logits(self, cut: Sequence[Window]) -> dict[str, Logits]:
        """Return {head: [windows, labels]}, or [units, labels] of heads about sentences, in the windows' order."""
        counts = np.array([len(window.units) for window in cut])
        first = np.cumsum(counts) - counts
        size = {"window": len(cut), "sentence": int(counts.sum())}
        out = {h.name: np.empty((size[h.unit], len(h.labels)), np.float32) for h in self.heads}
        names = [f"logits_{h.name}" for h in self.heads]
        for rows in plan(cut, BUDGET):
            values = self.session.run(names, feed([cut[i] for i in rows], self.inputs))
            bounds = [(k, unit.first, unit.last) for k, row in enumerate(rows) for unit in cut[row].units]
            units = np.concatenate([np.arange(first[row], first[row] + counts[row]) for row in rows])
            for head, some in zip(self.heads, values, strict=True):
                if head.unit == "sentence":
                    out[head.name][units] = means(some, *np.array(bounds, np.intp).reshape(-1, 3).T)
                else:
                    out[head.name][rows] = some
        return out


@dataclass(frozen=True)
class Sentences:
    """The text of each sentence (ascending), its tokens and its characters; and the names of the heads about them."""

    heads: frozenset[str]
    owner: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """The logits {head: [windows, labels]} of all windows, with the text of each (ascending) and its tokens.

    `forms` [texts, features] has the features of each whole text, from `screening.classifiers.surface`. Heads about
    sentences have the logits of each of the `sentences`.
    """

    logits: Mapping[str, Logits]
    owner: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    forms: Floats
    sentences: Sentences | None = None

    def of(self, texts: npt.NDArray[np.bool_]) -> Windows:
        """Return the windows of some of the texts, which are numbered from 0 again."""
        where, number, own = texts[self.owner], np.cumsum(texts) - 1, self.sentences
        if own is None:
            logits = {name: z[where] for name, z in self.logits.items()}
            return Windows(logits, number[self.owner[where]], self.tokens[where], self.forms[texts])
        here = texts[own.owner]
        logits = {name: z[here if name in own.heads else where] for name, z in self.logits.items()}
        some = Sentences(own.heads, number[own.owner[here]], own.tokens[here], own.start[here], own.end[here])
        return Windows(logits, number[self.owner[where]], self.tokens[where], self.forms[texts], some)

    def pooled(self, head: RecipeHead, calibration: HeadCalibration | None = None, any_bad: bool = False) -> Floats:
        """Return [texts, labels]: the highest value of each label over the windows, or the mean weighted by tokens.

        With `any_bad` it is [texts, 1], of the label `any` of a multiclass head.
        """
        scores = calibrated(head.kind, self.logits[head.name], calibration)
        scores = with_any(scores)[:, -1:] if any_bad else scores
        pooling = self.pooling(head)
        pooled = pooling.pooled(head.pool, scores)
        if calibration is None:
            return pooled
        pooled = pooling.discounted(pooled, calibration.discount)
        form = calibration.surface
        return form.added(pooled[:, 0], self.forms)[:, None] if form else pooled

    def pooling(self, head: RecipeHead) -> Pooling:
        """Return how what the head scores is pooled."""
        return self._over_sentences if head.unit == "sentence" else self._over_windows

    @cached_property
    def _over_windows(self) -> Pooling:
        return Pooling(np.unique(self.owner, return_counts=True)[1], self.tokens)

    @cached_property
    def _over_sentences(self) -> Pooling:
        assert self.sentences, "a head about sentences scored them"
        return Pooling(np.unique(self.sentences.owner, return_counts=True)[1], self.sentences.tokens)


def score(model: OnnxModel, tokenizer: Tokenizer, texts: Sequence[str]) -> Windows:
    """Return the scored windows of every text, cut as the tokenizer is set to."""
    by_sentence = frozenset(head.name for head in model.heads if head.unit == "sentence")
    cut = windows(tokenizer, texts, sentences=bool(by_sentence))
    spans: list[Span] = []
    units: list[Span] = []
    parts: list[dict[str, Logits]] = []
    while some := slab(cut, BUDGET):
        spans += [window.span for window in some]
        units += [span for window in some for span in window.spans()]
        parts.append(model.logits(some))
    logits = {h.name: np.concatenate([part[h.name] for part in parts]) for h in model.heads}
    owner, tokens = (np.array([getattr(span, name) for span in spans], np.int64) for name in ("text", "tokens"))
    columns = (np.array([getattr(u, name) for u in units], np.int64) for name in ("text", "tokens", "start", "end"))
    sentences = Sentences(by_sentence, *columns) if by_sentence else None
    return Windows(logits, owner, tokens, np.array([surface(text) for text in texts]), sentences)
