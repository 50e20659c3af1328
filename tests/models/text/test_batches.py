"""A text that ends sooner has the windows of what is left; batches hold every window once within the token budget."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.batches import batches, beginning
from screening.classifiers.manifest import Windowing
from screening.classifiers.windows import load_tokenizer, windows
from tests.screening.classifiers.tiny import WORDS, text_bundle


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (text_bundle(tmp_path_factory.mktemp("bundle")) / "tokenizer.json").read_bytes()


@given(st.integers(0, 200), st.integers(3, 220), st.integers(0, 15))
def test_a_text_that_is_cut_short_has_the_windows_of_its_beginning(
    tokenizer: bytes, words: int, tokens: int, overlap: int
) -> None:
    cutter = load_tokenizer(tokenizer, Windowing(max_tokens=32, overlap=overlap), "")
    text = [WORDS[i % len(WORDS)] for i in range(words)]
    whole, short = ([w.ids for w in windows(cutter, [" ".join(part)])] for part in (text, text[: tokens - 2]))
    assert beginning(whole, tokens, overlap) == short


@pytest.mark.parametrize("chance", [None, random.Random(3)])
def test_batches_hold_every_window_once_within_budget(chance: random.Random | None) -> None:
    lot = random.Random(5)
    windows = [[1] * lot.randint(2, 60) for _ in range(300)]
    made = batches(windows, 128, chance)
    assert sorted(i for b in made for i in b.rows) == list(range(300))
    for batch in made:
        assert batch.input_ids.size <= 128
        assert [int(n) for n in batch.attention_mask.sum(1)] == [len(windows[i]) for i in batch.rows]
