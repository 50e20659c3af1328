"""Contents to signals with one bundle: one result per content, whatever happens to its neighbours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
from PIL import Image

from screening.classifiers import batches
from screening.classifiers.bundle import Bundle
from screening.classifiers.engines import Engine, Feed, make_engine
from screening.classifiers.manifest import Head
from screening.classifiers.windows import evidence, load_tokenizer, scored_text, windows
from screening.errors import ConfigError, UploadError
from screening.records import Article, Content, Evidence, Picture, Signal
from screening.stopwatch import Stopwatch

log = logging.getLogger(__name__)

Probabilities = npt.NDArray[np.float64]
Result = list[Signal] | UploadError
TOKENISED = ("input_ids", "attention_mask", "token_type_ids")
PICTURES = 16  # a batch


class Classifier:
    """A bundle on an engine. `score` takes what its modality says: articles or pictures."""

    def __init__(self, bundle: Bundle, engine: Engine | None = None, stopwatch: Stopwatch | None = None) -> None:
        self.bundle = bundle
        self._stopwatch = stopwatch or Stopwatch()
        manifest = bundle.manifest
        if manifest.text and manifest.tokenizer:
            if unknown := sorted(set(manifest.inputs) - set(TOKENISED)):
                raise ConfigError(f"{bundle.id.name}: a text model can't be fed {unknown[0]!r}", fix=f"use {TOKENISED}")
            self._tokenizer = load_tokenizer(bundle.folder / manifest.tokenizer, manifest.text)
        self._session = (engine or make_engine()).load(bundle)

    def score(self, contents: Sequence[Content]) -> list[Result]:
        """Signals of every label, or why there are none, one entry per content in order.

        When a batch raises, it is halved until only the content that can't be scored is left.
        """
        if not contents:
            return []
        try:
            return (
                self._text([c for c in contents if isinstance(c, Article)])
                if self._is_text()
                else self._image([c for c in contents if isinstance(c, Picture)])
            )
        except Exception as error:
            if len(contents) == 1:
                log.warning("classifier_failed", extra={"bundle": self.bundle.id.name, "error": type(error).__name__})
                return [UploadError("classifier_failed", f"{self.bundle.id.name}: {type(error).__name__}")]
            half = len(contents) // 2
            return self.score(contents[:half]) + self.score(contents[half:])

    def _is_text(self) -> bool:
        return self.bundle.modality == "text"

    def _text(self, articles: Sequence[Article]) -> list[Result]:
        with self._stopwatch.step("tokenise"):
            texts = [scored_text(article) for article in articles]
            cut = list(windows(self._tokenizer, [text for text, _ in texts]))
            planned = list(batches.plan(cut))
            feeds = [batches.feed([cut[i] for i in rows], self.bundle.manifest.inputs) for rows in planned]
        probabilities = self._run(feeds, planned, len(cut))
        results: list[Result] = []
        row = 0
        for text, group in groupby(cut, key=lambda window: window.text):
            own = list(group)
            places = [evidence(window, texts[text][1]) for window in own]
            weights = np.array([len(window.ids) for window in own], np.float64)
            results.append(self._signals(probabilities, slice(row, row + len(own)), places, weights))
            row += len(own)
        return results

    def _image(self, pictures: Sequence[Picture]) -> list[Result]:
        planned = [list(range(i, min(i + PICTURES, len(pictures)))) for i in range(0, len(pictures), PICTURES)]
        name = self.bundle.manifest.inputs[0]
        feeds = [{name: np.stack([self._pixels(pictures[i]) for i in rows])} for rows in planned]
        probabilities = self._run(feeds, planned, len(pictures))
        return [self._signals(probabilities, slice(i, i + 1), [Evidence()], np.ones(1)) for i in range(len(pictures))]

    def _pixels(self, picture: Picture) -> npt.NDArray[np.float32]:
        wanted = self.bundle.manifest.image
        assert wanted is not None, "an image bundle has it"
        scaled = Image.fromarray(picture.pixels).resize(wanted.size[::-1], Image.Resampling.BICUBIC)
        pixels = np.asarray(scaled, np.float32) / 255
        normal = (pixels - np.array(wanted.mean, np.float32)) / np.array(wanted.std, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))

    def _run(self, feeds: Sequence[Feed], planned: Sequence[Sequence[int]], rows: int) -> list[Probabilities]:
        """Calibrated probabilities per head, float64 [rows, labels], in the order of the windows."""
        with self._stopwatch.step("infer"):
            outputs = self._session.run(feeds)
        heads = self.bundle.manifest.heads
        logits = [np.empty((rows, len(head.labels))) for head in heads]
        for members, output in zip(planned, outputs, strict=True):
            for head, values in zip(logits, output, strict=True):
                head[members] = values
        return [calibrated(head, values) for head, values in zip(heads, logits, strict=True)]

    def _signals(
        self, probabilities: Sequence[Probabilities], rows: slice, places: Sequence[Evidence], weights: Probabilities
    ) -> Result:
        """Pool the windows of one content; the evidence is the window with the highest score."""
        signals = []
        for head, values in zip(self.bundle.manifest.heads, probabilities, strict=True):
            own = values[rows]
            if not np.isfinite(own).all():
                return UploadError("classifier_failed", f"{self.bundle.id.name}/{head.name} gave no finite score")
            source = f"bundle/{self.bundle.id.name}@{self.bundle.id.version}/{head.name}"
            top = own.argmax(axis=0)
            pooled = own.max(axis=0) if head.pool == "max" else weights @ own / weights.sum()
            signals += [
                Signal(source, label, float(score), places[window])
                for label, score, window in zip(head.labels, pooled, top, strict=True)
            ]
        return signals


def calibrated(head: Head, logits: Probabilities) -> Probabilities:
    """Softmax or sigmoid of the head's calibrated logits; NaN where a logit is not finite."""
    if head.calibration:
        logits = logits * np.array(head.calibration.scale) + np.array(head.calibration.shift)
    logits = np.where(np.isfinite(logits), logits, np.nan)
    if head.kind == "multiclass":
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))
