"""Where sentences end, in ordinary writing and in writing that tries to hide them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.classifiers.sentences.split import ends
from tests.screening.decode.texts.heavy import Clock


def sentences(text: str) -> list[str]:
    return [text[a:b].strip() for a, b in pairwise([0, *ends(text)])]


@pytest.mark.parametrize(
    "parts",
    [
        ["The pool opens today.", "We will all go there!", "Will you come too?", "It is free…", "And it is warm"],
        ['He said: "I am done."', "Then he left (at nine.)", "Nobody saw him go."],
        ["We saw Dr. Smith and J. K. Rowling, e.g. in May.", "The U.S. economy grew by 3.5 percent."],
        ["They moved to the U.K.", "Others stayed in Rome.", "So do I.", "He came in 1999.", "She came later on."],
        ["He stopped... and went on.", "Then came it...", "Nothing at all happened."],
        ["我恨你。", "今天天气很好！", "你要去吗？"],
        ["ما هذا الشيء الغريب؟", "هذا كتاب جديد جدا۔", "यह एक नई किताब है।"],
    ],
)
def test_a_sentence_ends_at_an_end_mark(parts: list[str]) -> None:
    assert sentences(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "lines",
    [
        ["Swimming pool to reopen", "It had been closed for years.", "1. Bring a towel", "2. Bring some soap"],
        ["- and ate some bread", "* and drank some milk", "The end is near"],
    ],
)
def test_a_sentence_ends_with_its_line(lines: list[str]) -> None:
    assert sentences("\n".join(lines)) == lines
    assert sentences("\n \n".join(line.lower() for line in lines)) == [line.lower() for line in lines]


def test_a_line_that_was_only_wrapped_goes_on() -> None:
    assert sentences("The works took longer than\nplanned because of the pipes.\nNow all is well.") == [
        "The works took longer than\nplanned because of the pipes.",
        "Now all is well.",
    ]


def test_a_sentence_cannot_be_hidden_in_pieces() -> None:
    assert sentences("I. Hate. Them. All of them, you know.") == ["I. Hate. Them.", "All of them, you know."]
    assert sentences("You\nAre\nBad\nThis is a new line") == ["You\nAre\nBad", "This is a new line"]
    assert sentences("We know all of them. Go! Away!") == ["We know all of them. Go! Away!"]


def test_the_next_sentence_may_follow_without_a_blank() -> None:
    assert sentences("I hate all of them.They must go away.") == ["I hate all of them.", "They must go away."]
    assert sentences("See example.com or node.js for more.") == ["See example.com or node.js for more."]


@given(st.text(st.sampled_from("aB.!? \n1。'\")") | st.characters(), max_size=200))
def test_every_character_is_in_one_sentence(text: str) -> None:
    found = ends(text)
    assert found[-1] == len(text)
    assert found == sorted(set(found))


@pytest.mark.slow
@pytest.mark.parametrize("part", [".", "! ", "\n", '."', "'", " ", "1. ", "x. ", "a'", ".) "])
def test_the_time_grows_with_the_length_only(part: str) -> None:
    clock = Clock()
    ends(part * (300_000 // len(part)) + "x")
    assert clock.seconds < 3
