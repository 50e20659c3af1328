"""Windows cover a text with the overlap asked for; batches hold every window once within the token budget."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from models.text.batches import batches, cut


@pytest.mark.parametrize("length", [2, 3, 31, 32, 33, 54, 55, 200])
def test_windows_cover_every_token(length: int) -> None:
    ids = [101, *range(1000, 1000 + length - 2), 102]
    windows = cut(ids, 32, 8)
    assert all(w[0] == 101 and w[-1] == 102 and len(w) <= 32 for w in windows)
    assert [t for k, w in enumerate(windows) for t in (w[1:-1] if k == 0 else w[9:-1])] == ids[1:-1]
    assert all(a[-9:-1] == b[1:9] for a, b in pairwise(windows))


@pytest.mark.parametrize("chance", [None, random.Random(3)])
def test_batches_hold_every_window_once_within_budget(chance: random.Random | None) -> None:
    lot = random.Random(5)
    windows = [[1] * lot.randint(2, 60) for _ in range(300)]
    made = batches(windows, 128, chance)
    assert sorted(i for b in made for i in b.rows) == list(range(300))
    for batch in made:
        assert batch.input_ids.size <= 128
        assert [int(n) for n in batch.attention_mask.sum(1)] == [len(windows[i]) for i in batch.rows]
