"""Which tokens belong to which sentence: each once, whole where a window holds it, long ones in even parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.classifiers.manifest import Windowing
from screening.classifiers.sentences.units import MOST, NEAR, means
from screening.classifiers.windows import Window, load_tokenizer, windows
from tests.screening.classifiers.tiny import WORDS, text_bundle


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (text_bundle(tmp_path_factory.mktemp("bundle")) / "tokenizer.json").read_bytes()


def cut(raw: bytes, text: str, most: int = 16, overlap: int = 4) -> list[Window]:
    tokenizer = load_tokenizer(raw, Windowing(max_tokens=most, overlap=overlap), "")
    return list(windows(tokenizer, [text], sentences=True))


def said(found: list[Window], text: str) -> list[list[str]]:
    return [[text[span.start : span.end] for span in window.spans()] for window in found]


def test_each_sentence_of_a_window_has_its_tokens_and_characters(raw: bytes) -> None:
    text = "good news the river. bad weather a win"
    [window] = cut(raw, text)
    assert said([window], text) == [["good news the river.", "bad weather a win"]]
    assert [(unit.first, unit.last) for unit in window.units] == [(1, 6), (6, 10)]
    assert [span.tokens for span in window.spans()] == [5, 4]


def test_a_sentence_that_a_window_cuts_is_taken_where_it_is_whole(raw: bytes) -> None:
    text = "the river a river the news a. very bad news a. good good good. the the the a."
    found = said(cut(raw, text), text)
    assert [part for window in found for part in window] == [part.strip() + "." for part in text.split(".") if part]
    assert len(found) > 1


def test_a_sentence_that_no_window_holds_is_in_both(raw: bytes) -> None:
    text = " ".join(["good"] * 20)
    first, second = cut(raw, text)
    assert [unit.last - unit.first for unit in (*first.units, *second.units)] == [14, 10]


def test_a_long_sentence_is_cut_evenly_at_a_blank(raw: bytes) -> None:
    text = " ".join(["good"] * 49 + ["bad-news"] * 17)  # three tokens a word at the end
    [window] = cut(raw, text, 128)
    sizes = [unit.last - unit.first for unit in window.units]
    assert sum(sizes) == 100
    assert max(sizes) - min(sizes) < NEAR
    assert " ".join(said([window], text)[0]) == text


def test_a_text_without_words_has_one_unit_of_all_its_tokens(raw: bytes) -> None:
    [window] = cut(raw, " \n ")
    assert [(unit.first, unit.last) for unit in window.units] == [(0, 2)]


@given(
    st.lists(st.sampled_from([*WORDS, ".", "!", "\n"]), max_size=120),
    st.integers(8, 40),
    st.integers(0, 12),
)
def test_every_token_is_in_a_unit_and_hardly_one_in_two(raw: bytes, words: list[str], most: int, overlap: int) -> None:
    text = " ".join(words)
    overlap = min(overlap, most // 2 - 2)
    found = cut(raw, text, most, overlap)
    seen = [(span.start, span.end) for window in found for span in window.spans()]
    place = 0
    for word in text.split():
        start = text.index(word, place)
        place = start + len(word)
        assert any(a <= start and place <= b for a, b in seen), word
    for window in found:
        for unit in window.units:
            assert 0 < unit.last - unit.first < MOST + NEAR
    plain = windows(load_tokenizer(raw, Windowing(max_tokens=most, overlap=overlap), ""), [text])
    assert [window.ids for window in plain] == [window.ids for window in found]


def test_a_mean_is_of_its_own_tokens_whatever_stands_beside() -> None:
    chance = np.random.default_rng(0)
    values = chance.normal(size=(3, 9, 2)).astype(np.float32)
    row, first, last = np.array([0, 0, 2]), np.array([1, 4, 2]), np.array([4, 8, 3])
    wanted = [values[r, a:b].mean(axis=0) for r, a, b in zip(row, first, last, strict=True)]
    assert means(values, row, first, last) == pytest.approx(np.array(wanted), abs=1e-6)
    values[1] = np.nan
    assert np.isfinite(means(values, row, first, last)).all()
    alone = means(values[2:], np.array([0]), first[2:], last[2:])
    assert alone.tobytes() == means(values, row, first, last)[2:].tobytes()
