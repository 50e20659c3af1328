"""One result per content, the same whatever its neighbours, and a bad content fails alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.errors import UploadError
from screening.meter import Meter
from screening.records import Article, Evidence, Picture
from screening.settings import prepare
from tests.screening.classifiers.tiny import WORDS, image_bundle, text_bundle
from tests.screening.decode.heavy import Clock

TOLERANCE = 1e-6  # the promise is 1e-4; so small a model keeps far below it

QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # one property, two kinds of bundle


PLAIN = ((0, 0, 0), (1, 1, 1))  # mean and std


def says(*texts: str) -> list[Article]:
    return [Article("text/plain", text) for text in texts]


def colour(red: int, green: int = 0, blue: int = 0) -> Picture:
    return Picture("image/png", 20, 10, 1, np.full((10, 20, 3), (red, green, blue), np.uint8))


def noise(height: int, width: int, seed: int) -> Picture:
    """A picture of which no two are alike, its contrast low or high, all of it dark or light."""
    chance = np.random.default_rng(seed)
    low, high = sorted(chance.integers(0, 256, 2))
    return Picture("image/png", width, height, 1, chance.integers(low, high + 1, (height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Classifier:
    return Classifier(
        load_bundle(str(text_bundle(tmp_path_factory.mktemp("text")))), make_engine("onnxruntime", cores=2)
    )


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Classifier:
    """Windows so long that several lengths share one padded length."""
    folder = text_bundle(tmp_path_factory.mktemp("wide"), text={"max_tokens": 64, "overlap": 8})
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Classifier:
    return Classifier(
        load_bundle(str(image_bundle(tmp_path_factory.mktemp("image")))), make_engine("onnxruntime", cores=2)
    )


@pytest.fixture(scope="module")
def tiled(tmp_path_factory) -> Classifier:
    """Four tiles of 8 × 8, pooled by their mean, each beside the whole picture."""
    plan = {"size": [8, 8], "mean": [0, 0, 0], "std": [1, 1, 1], "tiles": {"count": 4, "beside_whole": True}}
    head = {"name": "colour", "kind": "multilabel", "labels": ["red", "rest"], "output": "logits", "pool": "mean"}
    folder = image_bundle(tmp_path_factory.mktemp("tiled"), 6, image=plan, heads=[head])
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def uint8(tmp_path_factory) -> Classifier:
    """The same, fed pictures as they are."""
    folder = image_bundle(tmp_path_factory.mktemp("uint8"), uint8=PLAIN)
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


@pytest.fixture(scope="module")
def uint8_tiled(tmp_path_factory) -> Classifier:
    plan = {"size": [8, 8], "tiles": {"count": 4, "beside_whole": True}}
    head = {"name": "colour", "kind": "multilabel", "labels": ["red", "rest"], "output": "logits", "pool": "mean"}
    folder = image_bundle(tmp_path_factory.mktemp("uint8-tiled"), 6, uint8=PLAIN, image=plan, heads=[head])
    return Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=2))


def scores(result) -> dict[str, float]:
    assert not isinstance(result, UploadError), result
    return {signal.label: signal.score for signal in result}


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
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
    [bundle] = prepare().load_bundles()
    meter = Meter()
    classifier, clock = Classifier(bundle, make_engine("onnxruntime", cores=2), meter), Clock()
    [result] = classifier.score(says("a b c d e f g h " * 125_000))
    assert result.reason == "too_complex"
    assert clock.seconds < 5
    assert "tokens" not in meter.read()


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

    @settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
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
        lambda words: Article("text/plain", " ".join(words))
    )
    good = says("good news", "bad weather the river", "win a prize", "the " * 200 + "bad", "")
    bad = {  # noqa: RUF012  # read only
        "a token that makes the runtime refuse the whole batch": Article("text/plain", "good poison news"),
        "the same in a late window of many": Article("text/plain", "good " * 100 + "poison"),
        "logits that are not finite": Article("text/plain", "good void news"),
        "not finite in one window of many": Article("text/plain", "void " + "good " * 100),
        "letters that no encoding has": Article("text/plain", "good \ud800"),
        "another kind of content": colour(3),
    }


class TestTextInWideWindows(TestText):
    kind = "wide"
    contents = st.integers(28, 44).map(lambda words: Article("text/plain", "bad " + "good " * words))
    good = says(*("bad " + "good " * words for words in (28, 31, 29, 33, 30, 90)))


class TestImage(Contract):
    kind = "image"
    contents = st.builds(colour, st.integers(0, 254), st.integers(0, 255), st.integers(0, 255))
    good = [colour(0), colour(120, 3, 3), colour(254)]  # noqa: RUF012  # read only
    bad = {  # noqa: RUF012  # read only
        "logits that are not finite": colour(255, 255, 255),
        "no pixels": Picture("image/png", 0, 0, 1, np.zeros((0, 0, 3), np.uint8)),
        "another kind of content": Article("text/plain", "good"),
    }


class TestTiles(TestImage):
    kind = "tiled"
    contents = st.builds(
        lambda height, width, red: Picture("image/png", width, height, 1, np.full((height, width, 3), red, np.uint8)),
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


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(st.lists(st.builds(noise, st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1)), min_size=1))
def test_who_normalises_changes_no_score(both_forms, pictures):
    host, graph = (classifier.score(pictures) for classifier in both_forms)
    for one, two in zip(host, graph, strict=True):
        assert scores(one) == pytest.approx(scores(two), abs=1e-5)
        assert [s.evidence for s in one] == [s.evidence for s in two]


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
    article = Article("text/plain", " ".join(words))
    hate = {signal.label: signal for signal in text.score([article])[0]}["hate"]
    span = article.text[hate.evidence.start : hate.evidence.end]
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
    titled, plain = Article("text/html", "the river", title="win a prize"), Article("text/html", "the river")
    with_title, without = text.score([titled, plain])
    assert scores(with_title)["spam"] > scores(without)["spam"]
    assert with_title[0].evidence == Evidence(0, 0, len("the river"), "title included")
    [long] = text.score([Article("text/html", "the river " * 20, title="bad " * 30)])
    assert {s.label: s.evidence for s in long}["hate"] == Evidence(0, note="title")


def test_texts_beyond_a_slab_are_scored_as_alone(text, monkeypatch):
    from screening.classifiers import batches, windows

    contents = says("good " * 300, "bad", "win a prize " * 90, "", "the river bad " * 40)
    before = text.score(contents)
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
    [result] = tiled.score([Picture("image/png", 16, 16, 1, quarter)])
    red = {signal.label: signal for signal in result}["red"]
    p = [1 / (1 + np.exp(-0.8)), 0.5]  # of the tile that is red, and of the three others
    assert red.score == pytest.approx((p[0] + 3 * p[1]) / 4, abs=1e-6)
    assert red.evidence == Evidence(window=1, note="tile 8x8+8+0")
