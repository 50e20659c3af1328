"""`screening.classify`: a line out for every line in, in order, whatever is wrong with some."""

from __future__ import annotations

import io
import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from screening import classify as module
from screening.classifiers import Classifier, load_bundle
from screening.classify import classify
from screening.content import Text
from tests.pace import times

GOOD = '{"id": 1, "text": "good news"}'


@pytest.fixture
def run(tiny_bundle):
    bundle = str(tiny_bundle())

    def run(*lines: str) -> tuple[int, list[dict]]:
        out = io.StringIO()
        failed = classify(bundle, [f"{line}\n" for line in lines], out, engine="onnxruntime")
        return failed, [json.loads(line) for line in out.getvalue().splitlines()]

    run.bundle = bundle
    return run


def test_scores_are_those_of_the_classifier(run):
    failed, [answer, titled] = run(GOOD, '{"id": "b", "text": "the river", "title": "win a prize"}')
    [expected] = Classifier(load_bundle(run.bundle)).score([Text("good news")])
    assert failed == 0
    assert answer == {"id": 1, "scores": {signal.label: round(signal.score, 6) for signal in expected}}
    assert titled["scores"]["spam"] > answer["scores"]["spam"], "the title was read"


BAD = {
    "no JSON": ("nonsense", None, "undecodable: line 2 is not JSON"),
    "cut off": ('{"id": 2, "text": "go', None, "undecodable: line 2 is not JSON"),
    "no object": ('["text"]', None, "undecodable: line 2 is not an object"),
    "nested too deeply": ("[" * 100_000, None, "undecodable: line 2 is not JSON"),
    "a number that JSON has not": ('{"id": NaN, "text": "good"}', None, "undecodable: line 2 is not JSON"),
    "a number too long": ('{"id": ' + "9" * 5000 + ', "text": "good"}', None, "undecodable: line 2 is not JSON"),
    "no text": ('{"id": 2}', 2, "no_text: line 2: `text`, and `title` if given, must be strings"),
    "a text that is none": ('{"id": "x", "text": 5}', "x", "no_text: line 2: `text`"),
    "a text of broken letters": ('{"id": 2, "text": "\\ud800"}', 2, "classifier_failed: tiny-text"),
    "a text the model breaks on": ('{"id": 2, "text": "poison"}', 2, "classifier_failed: tiny-text"),
}


@pytest.mark.parametrize(("line", "identity", "error"), BAD.values(), ids=BAD)
def test_a_bad_line_is_answered_in_its_place_and_counted(run, line, identity, error):
    failed, answers = run(GOOD, line, GOOD)
    assert failed == 1
    assert answers[1]["id"] == identity
    assert answers[1]["error"].startswith(error)
    assert answers[0] == answers[2] == {"id": 1, "scores": answers[0]["scores"]}


def test_ids_of_any_kind_come_back_as_they_are(run):
    ids = ["", "é\u2028\n", "\ud800", 0, -1.5, None, True, ["a"], {"b": 1}]
    failed, answers = run(*(json.dumps({"id": identity, "text": "good"}) for identity in ids))
    assert failed == 0
    assert [answer["id"] for answer in answers] == ids


@settings(max_examples=times(30, 10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["good", "bad news", "win a prize " * 9, None, "poison"]), max_size=40))
def test_every_line_has_one_answer_whatever_the_chunks(run, texts):
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(texts)]
    whole = run(*lines)
    with pytest.MonkeyPatch.context() as patch:
        # The real limits are thousands of lines and megabytes, which take minutes to score.
        patch.setattr(module, "LINES", 3)
        patch.setattr(module, "CHARACTERS", 150)
        assert run(*lines) == whole
    failed, answers = whole
    assert [answer["id"] for answer in answers] == list(range(len(texts)))
    assert failed == sum(text in (None, "poison") for text in texts) == sum("error" in answer for answer in answers)


def test_no_lines_no_answers(run):
    assert run() == (0, [])
    assert run("", "  ") == (0, [])


def test_lines_are_answered_before_all_have_come(run):
    """Memory holds a chunk, not the stream: an endless one is answered too."""
    out = io.StringIO()

    def endless():
        for number in itertools.count():
            if number == 3 * module.LINES:
                raise KeyboardInterrupt
            yield '{"id": 1, "text": "good"}'

    with pytest.raises(KeyboardInterrupt):
        classify(run.bundle, endless(), out)
    assert out.getvalue().count("\n") == 2 * module.LINES
