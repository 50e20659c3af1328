"""What a classifier has seen before is not run again, and no score tells the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.classifiers import Bundle, Classifier, load_bundle, make_engine
from screening.classifiers.engines import Engine, Feed, Logits, Session
from screening.classifiers.scorer import Scorer
from screening.classifiers.windows import Span, Window
from screening.content import Picture, Text
from screening.errors import ConfigError
from screening.meter import Meter
from tests.screening.classifiers.tiny import WORDS, image_bundle, text_bundle


@dataclass
class Counting:
    """An engine that counts the windows it runs."""

    real: Engine = field(default_factory=lambda: make_engine("onnxruntime"))
    windows: int = 0
    broken: bool = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def load(self, bundle: Bundle) -> Session:
        session, counting = self.real.load(bundle), self

        class Counted:
            def run(self, batches: Sequence[Feed]) -> list[Logits]:
                if counting.broken:
                    raise RuntimeError("the device is gone")
                counting.windows += sum(len(next(iter(feed.values()))) for feed in batches)
                return session.run(batches)

        return Counted()


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Bundle:
    return load_bundle(str(text_bundle(tmp_path_factory.mktemp("text"))))


def run(classifier: Classifier, engine: Counting, contents) -> tuple[list, int]:
    before = engine.windows
    return classifier.score(contents), engine.windows - before


def test_the_same_window_is_run_once_in_a_batch_and_not_again_later(texts):
    engine = Counting()
    classifier = Classifier(texts, engine, remember=10)
    (first, second, third), ran = run(classifier, engine, [Text("good news"), Text("win"), Text("good news")])
    assert (ran, first) == (2, third)
    (again, other), ran = run(classifier, engine, [Text("win"), Text("bad news")])
    assert (ran, again) == (1, second)
    assert other != first


def test_what_a_tokenizer_does_not_tell_apart_is_the_same_window_with_its_own_place(texts):
    engine = Counting()
    (plain, spaced), ran = run(
        Classifier(texts, engine, remember=10), engine, [Text("good news"), Text("  good \n\n news ")]
    )
    assert ran == 1
    assert [s.score for s in plain] == [s.score for s in spaced]
    assert (plain[0].evidence.start, plain[0].evidence.end) == (0, 9)
    assert (spaced[0].evidence.start, spaced[0].evidence.end) == (2, 14)


def test_by_default_every_window_is_run(texts):
    engine = Counting()
    assert run(Classifier(texts, engine), engine, [Text("good news")] * 3)[1] == 3


def test_only_the_latest_windows_are_kept(texts):
    engine = Counting()
    classifier = Classifier(texts, engine, remember=2)
    for word, ran in (("good", 1), ("bad", 1), ("good", 0), ("win", 1), ("good", 0), ("bad", 1)):
        assert run(classifier, engine, [Text(word)])[1] == ran, word
    assert run(classifier, engine, [Text(word) for word in WORDS])[1] == len(WORDS) - 2


@given(st.lists(st.lists(st.lists(st.sampled_from(WORDS[:4]), max_size=30).map(" ".join), max_size=8), max_size=4))
def test_memory_changes_no_score(texts, batches):
    fresh, remembering = (Classifier(texts, make_engine("onnxruntime"), remember=n) for n in (0, 5))
    for batch in batches:
        contents = [Text(text) for text in batch]
        for one, other in zip(fresh.score(contents), remembering.score(contents), strict=True):
            assert [s.score for s in one] == pytest.approx([s.score for s in other], abs=1e-6)
            assert [s.evidence for s in one] == [s.evidence for s in other]


def test_a_failure_is_not_remembered_as_a_score(texts):
    engine = Counting()
    classifier = Classifier(texts, engine, remember=10)
    for _ in range(2):
        bad, good = classifier.score([Text("poison"), Text("good")])
        assert bad.reason == "classifier_failed"
        assert good[0].score > 0.7


def test_the_same_picture_is_run_once(tmp_path):
    engine = Counting()
    classifier = Classifier(load_bundle(str(image_bundle(tmp_path))), engine, remember=10)
    shades = [Picture(8, 8, np.full((8, 8, 3), shade, np.uint8)) for shade in (10, 99, 10)]
    (one, two, three), ran = run(classifier, engine, shades)
    assert (ran, one) == (2, three)
    assert one != two


def test_an_engine_that_fails_for_good_stops_the_job_and_blames_no_content(texts):
    engine = Counting()
    classifier = Classifier(texts, engine, remember=10)
    classifier.score([Text("good")])
    engine.broken = True
    with pytest.raises(ConfigError, match="the model does not run: the device is gone"):
        classifier.score([Text(text) for text in ("bad", "good news", "win")])


def test_tokens_and_padding_are_those_that_the_engine_ran(texts):
    meter, engine = Meter(), make_engine("onnxruntime")
    scorer = Scorer(texts, engine.budget, engine.load(texts), meter, remember=10)
    cut = [Window(Span(i, 0, 0, 0, length), [i] * length, [0] * length) for i, length in enumerate((4, 17, 18, 33))]
    scorer.texts(cut)
    assert meter.read()["tokens"] == 4 + 17 + 18 + 33
    assert meter.read()["padding"] == 0 + 1 + 0 + 3
    scorer.texts(cut)
    assert meter.read()["tokens"] == 4 + 17 + 18 + 33, "what is known is not run again"
