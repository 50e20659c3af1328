"""Windows and tiles: how many are taken, what is pooled, and which of them is the evidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.classifiers import Classifier, make_engine
from screening.content import Picture, Text
from screening.meter import Meter
from screening.records import Evidence
from screening.settings import load_settings
from tests.pace import times
from tests.screening.classifiers.conftest import QUIET, TOLERANCE, colour, says, scores
from tests.screening.decode.texts.heavy import Clock


@settings(max_examples=times(40, 10), suppress_health_check=QUIET)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_a_text_of_too_many_windows_is_refused_and_its_neighbours_are_not(text, lengths):
    """Windows of the tiny bundle are of 14 words, of which 4 are shared: 24 words fill two."""
    texts = says(*("good " * length for length in lengths))
    bounded = Classifier(text.bundle, make_engine("onnxruntime", cores=1), most=2)
    for length, one, free in zip(lengths, bounded.score(texts), text.score(texts), strict=True):
        if length > 24:
            assert (one.reason, one.detail) == ("too_complex", "tiny-text: more windows of text than 2, the limit")
        else:
            assert scores(one) == pytest.approx(scores(free), abs=TOLERANCE)


def test_a_classifier_is_tried_whatever_the_limit(text):
    one = Classifier(text.bundle, make_engine("onnxruntime", cores=1), most=1)
    assert scores(one.score(says("good"))[0])


def test_what_is_too_long_is_hardly_classified():
    """A million words would be 4,500 windows."""
    [bundle] = load_settings().load_bundles()
    meter = Meter()
    classifier, clock = Classifier(bundle, make_engine("onnxruntime", cores=2), meter), Clock()
    [result] = classifier.score(says("a b c d e f g h " * 125_000))
    assert result.reason == "too_complex"
    assert clock.seconds < 5
    assert "tokens" not in meter.read()


def test_the_model_is_really_asked(text, image):
    good, bad, spam = (scores(result) for result in text.score(says("good", "bad", "win prize win prize")))
    assert good["normal"] > 0.5 > good["hate"]
    assert bad["hate"] > 0.5 > bad["normal"]
    assert sum(bad[label] for label in ("normal", "offensive", "hate")) == pytest.approx(1)
    assert spam["spam"] > 0.8 > good["spam"]
    assert good["spam"] == pytest.approx(1 / (1 + np.exp(2))), "scale and shift are applied"
    [red] = image.score([colour(204)])
    assert scores(red)["red"] == pytest.approx(1 / (1 + np.exp(-0.8)), abs=1e-6)


def test_the_deciding_window_gives_the_score_and_its_characters(text):
    words = ["good"] * 40
    words[25] = "bad"
    whole = Text(" ".join(words))
    hate = {signal.label: signal for signal in text.score([whole])[0]}["hate"]
    span = whole.text[hate.evidence.start : hate.evidence.end]
    assert hate.evidence.window == 2
    assert "bad" in span
    assert len(span.split()) == 14  # 16 tokens a window less two special ones
    assert hate.score == pytest.approx(scores(text.score(says(span))[0])["hate"]), "the highest window's, undiluted"


def test_a_mean_is_weighed_by_the_tokens_of_the_windows(text):
    whole = "win " * 14 + "river river"  # 16 tokens, then 4 shared and 2 new ones
    first, second = (scores(text.score(says(part))[0])["spam"] for part in ("win " * 14, "win " * 4 + "river river"))
    spam = {signal.label: signal for signal in text.score(says(whole))[0]}["spam"]
    assert spam.score == pytest.approx((16 * first + 8 * second) / 24)
    assert spam.evidence == Evidence(0, 0, len("win " * 14) - 1), "the window with the highest score"


def test_a_title_is_scored_and_is_named_as_the_place(text):
    titled, plain = Text("the river", title="win a prize"), Text("the river")
    with_title, without = text.score([titled, plain])
    assert scores(with_title)["spam"] > scores(without)["spam"]
    assert with_title[0].evidence == Evidence(0, 0, len("the river"), "title included")
    [long] = text.score([Text("the river " * 20, title="bad " * 30)])
    assert {s.label: s.evidence for s in long}["hate"] == Evidence(0, note="title")


def test_texts_beyond_a_slab_are_scored_as_alone(text, monkeypatch):
    from screening.classifiers import batches, windows

    contents = says("good " * 300, "bad", "win a prize " * 90, "", "the river bad " * 40)
    before = text.score(contents)
    # The real limits are megabytes of text, which take minutes to score.
    monkeypatch.setattr(batches, "SLAB", 64)
    monkeypatch.setattr(windows, "GROUP", 100)
    after = text.score(contents)
    assert [scores(result) for result in after] == [pytest.approx(scores(result), abs=TOLERANCE) for result in before]


@pytest.mark.parametrize("kind", ["image", "tiled", "uint8", "uint8_tiled"])
def test_pictures_beyond_a_batch_keep_their_order(kind, request):
    reds = [0, 50, 100, 150, 200, 250] * 30
    classifier = request.getfixturevalue(kind)
    for red, result in zip(reds, classifier.score([colour(red) for red in reds]), strict=True):
        assert scores(result)["red"] == pytest.approx(1 / (1 + np.exp(-red / 255)), abs=1e-6)


def test_tiles_are_pooled_and_the_highest_is_the_evidence(tiled):
    quarter = np.zeros((16, 16, 3), np.uint8)
    quarter[:8, 8:] = (204, 0, 0)
    [result] = tiled.score([Picture(16, 16, quarter)])
    red = {signal.label: signal for signal in result}["red"]
    p = [1 / (1 + np.exp(-0.8)), 0.5]  # of the tile that is red, and of the three others
    assert red.score == pytest.approx((p[0] + 3 * p[1]) / 4, abs=1e-6)
    assert red.evidence == Evidence(window=1, note="tile 8x8+8+0")
