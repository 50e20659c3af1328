"""Score contents with one bundle: each content gets a result of its own, whatever happens to the others."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from screening.classifiers import batches
from screening.classifiers.bundle import Bundle
from screening.classifiers.engines import Engine, make_engine
from screening.classifiers.graph import check_tokens
from screening.classifiers.manifest import Pixels
from screening.classifiers.pictures import windows as windows_of
from screening.classifiers.pooling import Pooling, Probabilities, Scope
from screening.classifiers.scorer import Scorer
from screening.classifiers.surface import FEATURES, formed, surface
from screening.classifiers.windows import Span, Window, evidence, load_tokenizer, scored_text, windows
from screening.content import Content, Picture, Text
from screening.content.kinds import KINDS
from screening.decode.limits import Limits
from screening.errors import ConfigError, UploadError
from screening.meter import Meter
from screening.records import Evidence, Signal

log = logging.getLogger(__name__)

Result = list[Signal] | UploadError
ELSE = "use another --precision, or --engine=onnxruntime"
AT_ONCE = 128  # the most windows of pictures that are in memory at once


class Classifier:
    """A bundle on an engine. Making one tries the model, and raises ConfigError if it doesn't run.

    `meter` counts the models loaded, the steps `tokenise`, `resize` and `infer`, the tokens and the padding. The logits
    of the latest `remember` windows are kept, and used again when the same window comes again. A text of more than
    `most` windows is not scored.
    """

    def __init__(
        self, bundle: Bundle, engine: Engine | None = None, meter: Meter | None = None, remember: int = 0,
        most: int = Limits().max_windows,
    ) -> None:  # fmt: skip
        self.bundle = bundle
        self._most = most
        self._engine = engine or make_engine()
        manifest = bundle.manifest
        self._by_sentence = any(head.unit == "sentence" for head in manifest.heads)
        if manifest.text and manifest.tokenizer:
            self._tokenizer = load_tokenizer(bundle.read(manifest.tokenizer), manifest.text, bundle.file)
            highest = max(self._tokenizer.get_vocab(with_added_tokens=True).values())
            check_tokens(bundle.read(manifest.model), highest, manifest, bundle.file)
        self._cutters = ThreadPoolExecutor(self._engine.cores, "resize")
        session = self._engine.load(bundle)
        self._trial = Scorer(bundle, self._engine.budget, session)  # it remembers nothing, and no meter counts it
        self._scorer = Scorer(bundle, self._engine.budget, session, meter, remember)
        self._try()
        self._scorer.meter.add("models_loaded")

    def score(self, contents: Sequence[Content]) -> list[Result]:
        """Return one entry per content, in order: the signals of every label, or the error that explains why not.

        The contents are texts or pictures, as the bundle's modality says; another kind gives `classifier_failed`.
        When a batch raises, it is halved until only the content that can't be scored is left: its entry is
        UploadError `classifier_failed`. The entry of a text of too many windows is UploadError `too_complex`.
        Raises ConfigError when the model doesn't run any more.
        """
        if not contents:
            return []
        try:
            return self._score(contents, self._scorer)
        except Exception as error:  # whatever the runtime raises, only the content that caused it may fail
            if len(contents) == 1:
                self._try()  # raises if nothing can be scored any more, since then it is not the content's fault
                log.warning("classifier_failed", extra={"bundle": self.bundle.id.name, "error": type(error).__name__})
                return [UploadError("classifier_failed", f"{self.bundle.id.name}: {type(error).__name__}")]
            half = len(contents) // 2
            return self.score(contents[:half]) + self.score(contents[half:])

    def _score(self, contents: Sequence[Content], scorer: Scorer) -> list[Result]:
        kind = KINDS[self.bundle.modality].content
        if other := next((content for content in contents if not isinstance(content, kind)), None):
            raise TypeError(f"{self.bundle.id.name} can't score a {type(other).__name__}")
        if self.bundle.manifest.image:
            pictures = [c for c in contents if isinstance(c, Picture)]
            return self._images(pictures, self.bundle.manifest.image, scorer)
        return self._texts([c for c in contents if isinstance(c, Text)], scorer)

    def _try(self) -> None:
        """Check that a content scores the same alone as beside another one.

        A model that mixes the rows of a batch must stop the job, not shift verdicts. A dynamically quantised model does
        so, since it scales activations by the whole batch. Raises ConfigError then, and if nothing can be scored.
        """
        text, image = self.bundle.manifest.text, self.bundle.manifest.image
        canaries: list[Content] = [Text(word * text.max_tokens) for word in ("a ", "the ") if text]
        if image:
            shades = (np.full((*image.size, 3), shade, np.uint8) for shade in (0, 100))
            canaries = [Picture(image.size[1], image.size[0], shade) for shade in shades]
        try:
            together, alone = (self._score(some, self._trial)[0] for some in (canaries, canaries[:1]))
        except Exception as error:  # ONNX Runtime's errors share no narrower base class
            raise ConfigError(f"the model does not run: {error}", file=self.bundle.file, fix=ELSE) from error
        for both in (together, alone):
            if isinstance(both, UploadError):
                raise ConfigError(f"the model does not score: {both.detail}", file=self.bundle.file, fix=ELSE)
        assert isinstance(together, list)
        assert isinstance(alone, list)
        if any(abs(a.score - b.score) > self._engine.tolerance for a, b in zip(together, alone, strict=True)):
            raise ConfigError(
                "a score depends on what else is in the batch",
                file=self.bundle.file,
                fix=f"quantise the model statically, or its weights only; or {ELSE}",
            )

    def _texts(self, contents: Sequence[Text], scorer: Scorer) -> list[Result]:
        texts = [scored_text(content) for content in contents]
        most = sys.maxsize if scorer is self._trial else self._most
        cut = windows(self._tokenizer, [text for text, _ in texts], most, self._by_sentence)
        spans: dict[Scope, list[Span]] = {"window": [], "sentence": []}
        parts: list[list[Probabilities]] = []
        over: set[int] = set()
        while slab := self._next(cut, scorer):
            over |= {window.span.text for window in slab if window.span.number >= most}
            if some := [window for window in slab if window.span.text not in over]:
                spans["window"] += [window.span for window in some]
                spans["sentence"] += [span for window in some for span in window.spans()]
                parts.append(scorer.texts(some))
        probabilities = [np.concatenate(head) for head in zip(*parts, strict=True)]
        if over:
            kept = {unit: [span.text not in over for span in own] for unit, own in spans.items()}
            spans = {unit: [span for span in own if span.text not in over] for unit, own in spans.items()}
            heads = self.bundle.manifest.heads
            probabilities = [values[kept[head.unit]] for head, values in zip(heads, probabilities, strict=False)]
        left = [text for text in range(len(texts)) if text not in over]
        plans = {unit: _plan(own, texts) for unit, own in spans.items() if own}
        scored = iter(self._signals(probabilities, plans, [texts[text][0] for text in left]) if left else ())
        limit = f"{self.bundle.id.name}: more windows of text than {most}, the limit"
        return [UploadError("too_complex", limit) if text in over else next(scored) for text in range(len(texts))]

    def _next(self, cut: Iterator[Window], scorer: Scorer) -> list[Window]:
        with scorer.meter.step("tokenise"):
            return batches.slab(cut, self._engine.budget)

    def _images(self, pictures: Sequence[Picture], wanted: Pixels, scorer: Scorer) -> list[Result]:
        at_once = max(1, AT_ONCE // (wanted.tiles.count if wanted.tiles else 1))
        results: list[Result] = []
        for start in range(0, len(pictures), at_once):
            with scorer.meter.step("resize"):
                some = pictures[start : start + at_once]
                cut = list(self._cutters.map(lambda picture: list(windows_of(picture, wanted)), some))
            probabilities = scorer.pictures([array for own in cut for array, _ in own])
            places = [[place for _, place in own] for own in cut]
            plan = _Plan(places, Pooling([len(own) for own in places], [1] * sum(map(len, places))))
            results += self._signals(probabilities, {"window": plan})
        return results

    def _signals(
        self, probabilities: Sequence[Probabilities], plans: Mapping[Scope, _Plan], texts: Sequence[str] = ()
    ) -> list[Result]:
        """Pool the windows or sentences of each content; the evidence is the one with the highest score."""
        heads = self.bundle.manifest.heads
        forms = np.array([surface(text) for text in texts]) if any(head.surface for head in heads) else np.empty(0)
        results: list[Result] = [[] for _ in plans["window"].places]
        for head, values in zip(heads, probabilities, strict=True):
            places, pooling = plans[head.unit].places, plans[head.unit].pooling
            scores, highest = pooling.pooled(head.pool, values), pooling.highest(values)
            scores = pooling.discounted(scores, head.discount)
            if form := head.surface:
                seen = forms[:, [FEATURES.index(name) for name in form.features]]
                scores = formed(scores[:, 0], seen, form.weight, form.centre, form.spread)[:, None]
            source = f"bundle/{self.bundle.id.name}@{self.bundle.id.version}/{head.name}"
            for i, (own, tops) in enumerate(zip(scores, highest, strict=True)):
                result = results[i]
                if isinstance(result, UploadError):
                    continue
                if not np.isfinite(own).all():
                    what = f"{self.bundle.id.name}/{head.name} gave no finite score"
                    results[i] = UploadError("classifier_failed", what)
                    continue
                result += [
                    Signal(source, label, float(score), places[i][window])
                    for label, score, window in zip(head.scored, own, tops, strict=True)
                ]
        return results


@dataclass(frozen=True, slots=True)
class _Plan:
    """The windows or sentences of each content, as evidence, and how they are pooled."""

    places: Sequence[Sequence[Evidence]]
    pooling: Pooling


def _plan(spans: Sequence[Span], texts: Sequence[tuple[str, int]]) -> _Plan:
    """Return the plan of texts; `texts` has for each where the text itself begins behind its title."""
    own = [list(group) for _, group in groupby(spans, key=lambda span: span.text)]
    places = [[evidence(span, texts[span.text][1]) for span in group] for group in own]
    return _Plan(places, Pooling([len(group) for group in own], [span.tokens for span in spans]))
