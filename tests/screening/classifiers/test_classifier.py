"""One result per content, the same whatever its neighbours, and a bad content fails alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.content import Picture, Text
from screening.errors import UploadError
from tests.pace import times
from tests.screening.classifiers.conftest import QUIET, TOLERANCE, colour, noise, says, scores
from tests.screening.classifiers.tiny import WORDS, image_bundle


class Contract:
    """What holds for a bundle of any modality.

    A subclass gives `kind` (a fixture's name), a strategy of `contents`, some `good` ones, and by name the `bad`.
    """

    kind: str

    @pytest.fixture
    def classifier(self, request) -> Classifier:
        return request.getfixturevalue(self.kind)

    def test_every_label_of_every_head_is_scored_and_named_with_its_version(self, classifier):
        for result in classifier.score(self.good):
            assert tuple(signal.label for signal in result) == classifier.bundle.labels
            assert all(0 <= signal.score <= 1 for signal in result)
            sources = {
                f"bundle/{classifier.bundle.id.name}@1.0.0/{head.name}" for head in classifier.bundle.manifest.heads
            }
            assert {signal.source for signal in result} == sources

    @settings(max_examples=times(40, 10), suppress_health_check=QUIET)
    @given(data=st.data())
    def test_order_and_neighbours_and_batch_size_change_nothing(self, classifier, data):
        contents = data.draw(st.lists(self.contents, min_size=1, max_size=24))
        alone = [classifier.score([content])[0] for content in contents]
        order = data.draw(st.permutations(range(len(contents))))
        size = data.draw(st.integers(1, len(contents)))
        for start in range(0, len(order), size):
            places = order[start : start + size]
            together = classifier.score([contents[i] for i in places])
            for i, result in zip(places, together, strict=True):
                assert scores(result) == pytest.approx(scores(alone[i]), abs=TOLERANCE)
                assert [s.evidence for s in result] == [s.evidence for s in alone[i]]

    def test_a_bad_content_fails_alone_wherever_it_stands(self, classifier):
        before = classifier.score(self.good)
        for bad in self.bad.values():
            for place in range(len(self.good) + 1):
                results = classifier.score([*self.good[:place], bad, *self.good[place:]])
                failed = results.pop(place)
                assert isinstance(failed, UploadError)
                assert failed.reason == "classifier_failed"
                assert [scores(result) for result in results] == [pytest.approx(scores(result)) for result in before]

    def test_many_bad_contents_fail_and_the_others_do_not(self, classifier):
        mixed = [*self.bad.values(), *self.good] * 3
        failed = [isinstance(result, UploadError) for result in classifier.score(mixed)]
        assert failed == ([True] * len(self.bad) + [False] * len(self.good)) * 3

    def test_scores_are_the_same_to_the_last_bit_on_a_second_run(self, classifier):
        assert classifier.score(self.good) == classifier.score(self.good)

    def test_no_contents_no_results(self, classifier):
        assert classifier.score([]) == []


class TestText(Contract):
    kind = "text"
    contents = st.lists(st.sampled_from([*WORDS, "unheard", "é", "."]), max_size=60).map(
        lambda words: Text(" ".join(words))
    )
    good = says("good news", "bad weather the river", "win a prize", "the " * 200 + "bad", "")
    bad = {  # noqa: RUF012  # read only
        "a token that makes the runtime refuse the whole batch": Text("good poison news"),
        "the same in a late window of many": Text("good " * 100 + "poison"),
        "logits that are not finite": Text("good void news"),
        "not finite in one window of many": Text("void " + "good " * 100),
        "letters that no encoding has": Text("good \ud800"),
        "another kind of content": colour(3),
    }


class TestTextInWideWindows(TestText):
    kind = "wide"
    contents = st.integers(28, 44).map(lambda words: Text("bad " + "good " * words))
    good = says(*("bad " + "good " * words for words in (28, 31, 29, 33, 30, 90)))


class TestImage(Contract):
    kind = "image"
    contents = st.builds(colour, st.integers(0, 254), st.integers(0, 255), st.integers(0, 255))
    good = [colour(0), colour(120, 3, 3), colour(254)]  # noqa: RUF012  # read only
    bad = {  # noqa: RUF012  # read only
        "logits that are not finite": colour(255, 255, 255),
        "no pixels": Picture(0, 0, np.zeros((0, 0, 3), np.uint8)),
        "another kind of content": Text("good"),
    }


class TestTiles(TestImage):
    kind = "tiled"
    contents = st.builds(
        lambda height, width, red: Picture(width, height, np.full((height, width, 3), red, np.uint8)),
        st.integers(1, 40), st.integers(1, 40), st.integers(0, 254),
    )  # fmt: skip


class TestUint8(TestImage):
    kind = "uint8"


class TestUint8Tiles(TestTiles):
    kind = "uint8_tiled"


@pytest.fixture(scope="module", params=[None, {"count": 4}, {"count": 4, "beside_whole": True}], ids=str)
def both_forms(request, tmp_path_factory) -> tuple[Classifier, Classifier]:
    """One model twice: its pictures normalised before they are fed, and by its graph."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    plan = {"size": [8, 8]} | ({"tiles": request.param} if request.param else {})
    head = {"name": "colour", "kind": "multilabel", "labels": ["red"], "output": "logits"}
    channels = 6 if request.param and "beside_whole" in request.param else 3
    made = tmp_path_factory.mktemp("both")
    folders = (
        image_bundle(made / "float", channels, heads=[head], only_red=True, image={**plan, "mean": mean, "std": std}),
        image_bundle(made / "uint8", channels, heads=[head], only_red=True, image=plan, uint8=(mean, std)),
    )
    host, graph = (Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=1)) for folder in folders)
    return host, graph


@settings(max_examples=times(60, 12), suppress_health_check=QUIET)
@given(st.lists(st.builds(noise, st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1)), min_size=1))
def test_who_normalises_changes_no_score(both_forms, pictures):
    host, graph = (classifier.score(pictures) for classifier in both_forms)
    for one, two in zip(host, graph, strict=True):
        assert scores(one) == pytest.approx(scores(two), abs=1e-5)
        assert [s.evidence for s in one] == [s.evidence for s in two]
