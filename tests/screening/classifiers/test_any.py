"""A multiclass head may say besides how likely a content is of any class but the harmless one."""

from __future__ import annotations

import pytest

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.content import Text
from screening.errors import ConfigError
from tests.screening.classifiers.conftest import says, scores
from tests.screening.classifiers.tiny import text_bundle

FILLER = "river weather news " * 5


@pytest.fixture(params=[False, True], ids=["windows", "sentences"])
def folder(request, tmp_path):
    return text_bundle(tmp_path / "plain", by_sentence=request.param)


def with_any(folder, tmp_path, head: int = 0, name: str = "toxic"):
    manifest = load_bundle(str(folder)).manifest.model_dump(mode="json", exclude_none=True)
    manifest["heads"][head]["any"] = name
    by_sentence = bool(manifest["text"].get("sentences"))
    return text_bundle(tmp_path / "any", by_sentence=by_sentence, heads=manifest["heads"])


def test_the_score_is_what_the_harmless_class_leaves(folder, tmp_path):
    both = [Classifier(load_bundle(str(each)), make_engine("onnxruntime", cores=1)) for each in
            (folder, with_any(folder, tmp_path))]  # fmt: skip
    plain, classifier = both
    assert classifier.bundle.labels == ("normal", "offensive", "hate", "toxic", "spam")
    for text in ("good news", "bad news", "the river"):
        [before], [after] = plain.score(says(text)), classifier.score(says(text))
        assert scores(after)["toxic"] == pytest.approx(1 - scores(after)["normal"])
        assert {name: score for name, score in scores(after).items() if name != "toxic"} == pytest.approx(
            scores(before)
        )


def test_a_long_text_has_that_of_its_worst_piece(folder, tmp_path):
    classifier = Classifier(load_bundle(str(with_any(folder, tmp_path))), make_engine("onnxruntime", cores=1))
    [[*signals]] = classifier.score([Text(f"{FILLER}good. bad bad bad. {FILLER}")])
    found = {signal.label: signal for signal in signals}
    assert found["toxic"].score >= found["hate"].score
    assert found["toxic"].evidence == found["hate"].evidence


@pytest.mark.parametrize(("head", "name", "what"), [(1, "toxic", "belongs to a multiclass head"), (0, "spam", "twice")])
def test_a_bundle_that_can_not_mean_it_is_refused(folder, tmp_path, head, name, what):
    with pytest.raises(ConfigError, match=what):
        load_bundle(str(with_any(folder, tmp_path, head, name)))
