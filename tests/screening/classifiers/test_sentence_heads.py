"""Heads about sentences: the worst sentence counts, it is the evidence, and nothing around it moves its score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.engines import cuda
from screening.content import Text
from tests.pace import times
from tests.screening.classifiers.conftest import QUIET, TOLERANCE, engines_here, says, scores
from tests.screening.classifiers.tiny import WORDS, text_bundle

PLAIN = "the river the news. "
BAD = "very bad bad news. "


def hate(result) -> float:
    return scores(result)["hate"]


def test_a_sentence_scores_in_a_long_text_as_it_does_alone(by_sentence, text):
    alone, hidden, plain = by_sentence.score(says(BAD, PLAIN * 9 + BAD + PLAIN * 9, PLAIN * 19))
    assert hate(hidden) == pytest.approx(hate(alone), abs=TOLERANCE)
    assert hate(plain) < 0.5 < hate(hidden)
    drowned = text.score(says(PLAIN * 9 + BAD + PLAIN * 9))[0]
    assert hate(drowned) < hate(hidden), "a head about windows takes the mean of a window"


def test_the_evidence_is_the_sentence(by_sentence):
    whole = Text(PLAIN * 9 + BAD + PLAIN * 9)
    signals = {signal.label: signal for signal in by_sentence.score([whole])[0]}
    place = signals["hate"].evidence
    assert whole.text[place.start : place.end] == BAD.strip()
    other = signals["spam"].evidence
    assert other.end - other.start > len(BAD), "other heads of the same bundle are about windows"


def test_a_sentence_in_the_title_is_named_so(by_sentence):
    signals = {s.label: s for s in by_sentence.score([Text(PLAIN * 3, title="very bad bad news")])[0]}
    assert signals["hate"].evidence.note == "title"


def test_without_any_mark_a_sentence_is_not_drowned(tmp_path):
    folder = text_bundle(tmp_path, by_sentence=True, text={"max_tokens": 256, "overlap": 32, "sentences": 1})
    classifier = Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=1))
    words = ["river"] * 200
    words[100:124] = ["bad"] * 24
    [one] = classifier.score(says(" ".join(words)))
    assert hate(one) > 0.5


def test_the_pooled_score_falls_with_the_number_of_sentences_if_the_bundle_says_so(tmp_path, by_sentence):
    heads = by_sentence.bundle.manifest.model_dump(mode="json", exclude_none=True)["heads"]
    folder = text_bundle(tmp_path, by_sentence=True, heads=[heads[0] | {"discount": 0.5}, heads[1]])
    discounted = Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=1))
    texts = says(BAD, BAD * 4)
    (one, four), (_, plain) = (list(map(hate, c.score(texts))) for c in (discounted, by_sentence))
    assert one == pytest.approx(plain, abs=TOLERANCE), "one sentence is as it is"
    assert np.log(four / (1 - four)) == pytest.approx(np.log(plain / (1 - plain)) - 0.5 * np.log(4), abs=1e-4)


@settings(max_examples=times(40, 10), deadline=None, suppress_health_check=QUIET)
@given(st.lists(st.lists(st.sampled_from([*WORDS, ".", "\n"]), max_size=60).map(" ".join), min_size=1, max_size=6))
def test_neighbours_change_nothing(by_sentence, texts):
    remembering = Classifier(by_sentence.bundle, make_engine("onnxruntime", cores=1), remember=3)
    together, twice = by_sentence.score(says(*texts)), [remembering.score(says(*texts)) for _ in range(2)][1]
    for text, one, again in zip(texts, together, twice, strict=True):
        [alone] = by_sentence.score(says(text))
        assert scores(one) == pytest.approx(scores(alone), abs=TOLERANCE)
        assert scores(again) == pytest.approx(scores(alone), abs=TOLERANCE)
        assert [s.evidence for s in one] == [s.evidence for s in alone] == [s.evidence for s in again]


def test_what_cannot_be_scored_fails_alone(by_sentence):
    void, good = by_sentence.score(says(PLAIN + "void bad good. " + PLAIN, "good good good"))
    assert void.reason == "classifier_failed"
    assert scores(good)["normal"] > 0.5


def test_a_text_of_too_many_windows_is_refused_and_its_neighbours_are_not(by_sentence):
    bounded = Classifier(by_sentence.bundle, make_engine("onnxruntime", cores=1), most=2)
    long, short = bounded.score(says(PLAIN * 20, BAD))
    assert long.reason == "too_complex"
    assert scores(short) == pytest.approx(scores(by_sentence.score(says(BAD))[0]), abs=TOLERANCE)


@pytest.mark.parametrize(("name", "precision"), engines_here())
def test_every_engine_scores_sentences_alike(by_sentence, name, precision):
    engine = make_engine(name, precision, cores=2)
    texts = says(*(PLAIN * n + BAD + PLAIN * (20 - n) for n in range(20)), "good", "")
    for one, other in zip(Classifier(by_sentence.bundle, engine).score(texts), by_sentence.score(texts), strict=True):
        assert scores(one) == pytest.approx(scores(other), abs=engine.tolerance)
        assert [s.evidence for s in one][:3] == [s.evidence for s in other][:3]


@pytest.mark.parametrize("precision", cuda.PRECISIONS)
def test_a_gpu_s_code_gives_the_same_on_the_cpu(by_sentence, precision):
    engine = cuda.Cuda("cuda", precision, 2, rehearsed=True)
    texts = says(*(PLAIN * n + BAD for n in range(9)))
    for one, other in zip(Classifier(by_sentence.bundle, engine).score(texts), by_sentence.score(texts), strict=True):
        assert scores(one) == pytest.approx(scores(other), abs=engine.tolerance)
