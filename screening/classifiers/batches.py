"""Windows to batches: sorted by length, filled to a token budget, padded by their own length only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from screening.classifiers.engines import Feed
from screening.classifiers.windows import Window

BUCKET = 8  # tokens; a window is padded to the next multiple, whoever its neighbours are
TOKEN_BUDGET = 2048  # tokens a batch: activations of a small encoder stay in a core's cache


def plan(windows: Sequence[Window], budget: int = TOKEN_BUDGET) -> Iterator[list[int]]:
    """Indices of windows, batch by batch: of one padded length, and at most `budget` tokens (or one window)."""
    order = sorted(range(len(windows)), key=lambda i: (len(windows[i].ids), i))
    for length, group in groupby(order, key=lambda i: padded(len(windows[i].ids))):
        members = list(group)
        rows = max(1, budget // length)
        for start in range(0, len(members), rows):
            yield members[start : start + rows]


def padded(length: int) -> int:
    """The padded length of a window of `length` tokens."""
    return -(-length // BUCKET) * BUCKET


def feed(windows: Sequence[Window], inputs: Sequence[str]) -> Feed:
    """The arrays of a batch, int64 [rows, padded length]: `input_ids`, `attention_mask`, `token_type_ids`."""
    shape = (len(windows), padded(max(len(window.ids) for window in windows)))
    arrays = {name: np.zeros(shape, np.int64) for name in inputs}
    for row, window in enumerate(windows):
        said: dict[str, list[int] | int] = {
            "input_ids": window.ids,
            "attention_mask": 1,
            "token_type_ids": window.type_ids,
        }
        for name in inputs:
            arrays[name][row, : len(window.ids)] = said[name]
    return arrays
