"""Texts of any length in any script: every character that gave a token is in a window, and batches hold each once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.classifiers import load_bundle
from screening.classifiers.batches import SLAB, feed, padded, plan, slab
from screening.classifiers.windows import PIECE, Span, Window, evidence, load_tokenizer, scored_text, windows
from screening.content import Text
from screening.records import Evidence
from tests.pace import times
from tests.screening.classifiers.tiny import VOCABULARY, WORDS, text_bundle


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    bundle = load_bundle(str(text_bundle(tmp_path_factory.mktemp("bundle"))))
    return load_tokenizer(bundle.read("tokenizer.json"), bundle.manifest.text, bundle.file)


def cut(tokenizer, *texts: str) -> list[Window]:
    return list(windows(tokenizer, texts))


def covered(text: str, made: list[Window]) -> str:
    """The text with a dot for each character that no window reads."""
    inside = {i for window in made for i in range(window.span.start, window.span.end)}
    return "".join(letter if i in inside or letter.isspace() else "." for i, letter in enumerate(text))


@settings(max_examples=times(80, 16))
@given(st.text(max_size=300))
def test_every_character_of_any_text_is_read(tokenizer, text):
    made = cut(tokenizer, text)
    assert made
    assert covered(text, made) == text
    assert all(0 <= window.span.start <= window.span.end <= len(text) for window in made)


@settings(max_examples=times(80, 16))
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=120), st.sampled_from([" ", "\n", "  ", ", "]))
def test_windows_overlap_and_keep_their_order(tokenizer, words, gap):
    made = cut(tokenizer, gap.join(words))
    assert [window.span.number for window in made] == list(range(len(made)))
    for window in made:
        assert len(window.ids) == window.span.tokens <= 16
        assert (window.ids[0], window.ids[-1]) == (VOCABULARY["[CLS]"], VOCABULARY["[SEP]"])
    for before, after in pairwise(made):
        assert before.ids[-5:-1] == after.ids[1:5], "four tokens are shared"
        assert after.span.start < before.span.end


@pytest.mark.parametrize("gap", [" ", "\n", ""], ids=["blanks", "lines", "one word"])
def test_a_long_text_is_cut_in_pieces_that_share_their_border(tokenizer, gap):
    text = gap.join(["weather", "news"] * PIECE)[: 3 * PIECE + 17] + " bad"
    made = cut(tokenizer, "a", text, "")
    assert {window.span.text for window in made} == {0, 1, 2}
    own = [window for window in made if window.span.text == 1]
    assert covered(text, own) == text
    assert [window.span.number for window in own] == list(range(len(own)))
    spans = [window.span for window in own]
    for before, after in pairwise(spans):
        assert after.start < before.end, "what lies across a border is read whole by one of the two"
    assert text[own[-1].span.start : own[-1].span.end].endswith("bad")
    assert [(w.ids, w.span.start) for w in cut(tokenizer, text)] == [(w.ids, w.span.start) for w in own]


def test_a_long_text_of_blanks_is_one_window(tokenizer):
    [window] = cut(tokenizer, " " * 3 * PIECE)
    assert window.span == Span(0, 0, 0, 0, 2)


def test_what_looks_like_a_special_token_stays_text(tokenizer):
    assert cut(tokenizer, "good")[0].ids[-1] == VOCABULARY["[SEP]"]
    [window] = cut(tokenizer, "good [SEP] [PAD] [CLS] bad")
    assert not {VOCABULARY[name] for name in ("[SEP]", "[PAD]", "[CLS]")} & set(window.ids[1:-1])


@pytest.mark.slow
def test_windows_are_made_as_they_are_asked_for(tokenizer):
    texts = ["the river " * PIECE] * 4
    stream = windows(tokenizer, texts)
    first = slab(stream, 1024)
    assert SLAB <= sum(window.span.tokens for window in first) < SLAB + 16
    rest = list(stream)
    assert [w.span for w in (*first, *rest)] == [w.span for w in cut(tokenizer, *texts)]


def test_a_title_is_read_before_the_text_unless_the_text_begins_with_it():
    assert scored_text(Text("the river", title=" win a prize ")) == ("win a prize\n\nthe river", 13)
    assert scored_text(Text("\nwin a prize\nthe river", title="win a prize"))[1] == 0
    assert scored_text(Text("the river")) == ("the river", 0)


@pytest.mark.parametrize(
    ("span", "begins", "expected"),
    [
        ((5, 9), 0, Evidence(3, 5, 9)),
        ((0, 11), 13, Evidence(3, note="title")),
        ((5, 20), 13, Evidence(3, 0, 7, "title included")),
        ((13, 20), 13, Evidence(3, 0, 7)),
        ((0, 0), 0, Evidence(3, 0, 0)),
    ],
)
def test_spans_are_those_of_the_text_and_say_when_it_is_the_title(span, begins, expected):
    assert evidence(Span(0, 3, *span, 8), begins) == expected


@settings(max_examples=times(100, 20))
@given(st.lists(st.integers(2, 600), max_size=60), st.integers(8, 4096))
def test_batches_hold_every_window_once_within_the_budget(lengths, budget):
    made = [Window(Span(i, 0, 0, 0, length), [1] * length, [0] * length) for i, length in enumerate(lengths)]
    planned = list(plan(made, budget))
    assert sorted(i for rows in planned for i in rows) == list(range(len(made)))
    widths = []
    for rows in planned:
        arrays = feed([made[i] for i in rows], ["input_ids", "attention_mask", "token_type_ids"])
        width = arrays["input_ids"].shape[1]
        assert {padded(lengths[i]) for i in rows} == {width}, "padding is decided by a window's own length"
        assert arrays["attention_mask"].sum(axis=1).tolist() == [lengths[i] for i in rows]
        assert len(rows) == 1 or len(rows) * width <= budget
        widths.append(width)
    assert widths == sorted(widths, reverse=True), "the longest first"


def test_padding_wastes_an_eighth_at_most():
    for length in range(1, 8192):
        assert length <= padded(length) <= length * 9 / 8
    assert len({padded(length) for length in range(1, 513)}) <= 60, "few shapes, so that graphs and plans are reused"
