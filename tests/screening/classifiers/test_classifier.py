"""One result per content, the same whatever its neighbours, and a bad content fails alone."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.classifiers import Classifier, load_bundle
from screening.errors import UploadError
from screening.records import Article, Picture
from tests.screening.classifiers.tiny import WORDS, image_bundle, text_bundle


def says(*texts: str) -> list[Article]:
    return [Article("text/plain", text) for text in texts]


def colour(red: int, green: int = 0, blue: int = 0) -> Picture:
    return Picture("image/png", 20, 10, 1, np.full((10, 20, 3), (red, green, blue), np.uint8))


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Classifier:
    return Classifier(load_bundle(str(text_bundle(tmp_path_factory.mktemp("text")))))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Classifier:
    return Classifier(load_bundle(str(image_bundle(tmp_path_factory.mktemp("image")))))


def scores(result) -> dict[str, float]:
    assert not isinstance(result, UploadError), result
    return {signal.label: signal.score for signal in result}


class Contract:
    """What holds for a bundle of any modality; a subclass gives `kind` (a fixture's name), `good` and `bad`."""

    kind: str
    bad_reason = "classifier_failed"

    @pytest.fixture
    def classifier(self, request) -> Classifier:
        return request.getfixturevalue(self.kind)

    def test_every_label_of_every_head_is_scored_and_named_with_its_version(self, classifier):
        [result] = classifier.score(self.good[:1])
        assert tuple(signal.label for signal in result) == classifier.bundle.labels
        assert all(0 <= signal.score <= 1 for signal in result)
        name = classifier.bundle.id.name
        assert all(signal.source.startswith(f"bundle/{name}@1.0.0/") for signal in result)

    def test_order_and_batch_change_nothing(self, classifier):
        alone = [scores(classifier.score([content])[0]) for content in self.good]
        order = list(range(len(self.good)))
        for seed in range(5):
            random.Random(seed).shuffle(order)
            together = classifier.score([self.good[i] for i in order])
            for i, result in zip(order, together, strict=True):
                assert scores(result) == pytest.approx(alone[i], abs=1e-6)

    def test_a_bad_content_fails_alone(self, classifier):
        before = classifier.score(self.good)
        for place in range(len(self.good) + 1):
            results = classifier.score([*self.good[:place], self.bad, *self.good[place:]])
            failed = results.pop(place)
            assert isinstance(failed, UploadError)
            assert failed.reason == "classifier_failed"
            assert [scores(result) for result in results] == [pytest.approx(scores(result)) for result in before]

    def test_no_contents_no_results(self, classifier):
        assert classifier.score([]) == []


class TestText(Contract):
    kind = "text"
    good = says("good news", "bad weather the river", "win a prize", "the " * 200 + "bad", "")
    bad = Article("text/plain", "good poison news")  # its token id makes the runtime refuse the whole batch


class TestImage(Contract):
    kind = "image"
    good = [colour(0), colour(120, 3, 3), colour(254)]  # noqa: RUF012  # read only
    bad = colour(255, 255, 255)  # its logarithm is not finite


def test_the_model_is_really_asked(text, image):
    good, bad, spam = (scores(result) for result in text.score(says("good", "bad", "win prize win prize")))
    assert good["normal"] > 0.5 > good["hate"]
    assert bad["hate"] > 0.5 > bad["normal"]
    assert sum(bad[label] for label in ("normal", "offensive", "hate")) == pytest.approx(1)
    assert spam["spam"] > 0.8 > good["spam"]
    assert good["spam"] == pytest.approx(1 / (1 + np.exp(2))), "scale and shift are applied"
    [red] = image.score([colour(255, 0, 0)][:0] or [colour(204)])
    assert scores(red)["red"] == pytest.approx(1 / (1 + np.exp(-0.8)), abs=1e-6)


def test_the_evidence_names_the_window_and_its_characters(text):
    words = ["good"] * 40
    words[25] = "bad"
    article = Article("text/plain", " ".join(words))
    hate = {signal.label: signal for signal in text.score([article])[0]}["hate"]
    span = article.text[hate.evidence.start : hate.evidence.end]
    assert hate.evidence.window == 2
    assert "bad" in span
    assert len(span.split()) == 14  # 16 tokens a window less two special ones


def test_a_title_is_scored_and_spans_are_those_of_the_text(text):
    titled, plain = Article("text/html", "the river", title="win a prize"), Article("text/html", "the river")
    with_title, without = text.score([titled, plain])
    assert scores(with_title)["spam"] > scores(without)["spam"]
    place = with_title[0].evidence
    assert (place.start, place.end, place.note) == (0, len("the river"), "title included")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=120), st.sampled_from([" ", "\n", "  ", ", "]))
def test_windows_cover_every_character_that_gave_a_token(text, words, gap):
    from screening.classifiers.windows import windows

    joined = gap.join(words)
    cut = list(windows(text._tokenizer, [joined]))
    covered = set()
    for window in cut:
        assert len(window.ids) <= 16
        covered |= set(range(window.start, window.end))
    assert {i for i, letter in enumerate(joined) if letter.isalpha()} <= covered
    assert [window.number for window in cut] == list(range(len(cut)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 600), max_size=60), st.integers(8, 4096))
def test_batches_hold_every_window_once_within_the_budget(lengths, budget):
    from screening.classifiers.batches import padded, plan
    from screening.classifiers.windows import Window

    cut = [Window(i, 0, [1] * length, [0] * length, 0, 0) for i, length in enumerate(lengths)]
    planned = list(plan(cut, budget))
    assert sorted(i for rows in planned for i in rows) == list(range(len(cut)))
    for rows in planned:
        width = {padded(len(cut[i].ids)) for i in rows}
        assert len(width) == 1, "padding is decided by a window's own length"
        assert len(rows) == 1 or len(rows) * width.pop() <= budget
