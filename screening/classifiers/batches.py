"""Group windows into batches: sorted by length, filled up to a token budget, and padded by their own length only.

A score must not depend on the windows beside it, so the padded length is a function of a window's own length, and
a batch holds windows of one padded length only. The padding wastes 2 % of the cells, on short lines as on articles.
Multiples of 8 would waste 19 % on short lines, and batches of 32 in the order of arrival 62 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from screening.classifiers.engines import Feed
from screening.classifiers.windows import Window

SLAB = 1 << 18  # the least number of tokens whose windows are sorted together; they take some 20 MB
FULL = 32  # the least number of whole batches that are planned together, so that most lengths fill a batch


def slab(windows: Iterator[Window], budget: int) -> list[Window]:
    """Return the next windows to sort together; they hold at least the wanted tokens. Empty when none are left."""
    taken: list[Window] = []
    tokens, wanted = 0, max(SLAB, FULL * budget)
    while tokens < wanted and (window := next(windows, None)):
        taken.append(window)
        tokens += window.span.tokens
    return taken


def plan(windows: Sequence[Window], budget: int) -> Iterator[list[int]]:
    """Yield the indices of the windows of each batch.

    The windows of a batch have one padded length and fill at most `budget` cells, unless one window alone is larger.
    The longest windows come first, so that no thread is still busy with one at the end.
    """
    order = sorted(range(len(windows)), key=lambda i: (-windows[i].span.tokens, i))
    for length, group in groupby(order, key=lambda i: padded(windows[i].span.tokens)):
        members = list(group)
        rows = max(1, budget // length)
        for start in range(0, len(members), rows):
            yield members[start : start + rows]


def padded(length: int) -> int:
    """Return the padded length of a window of `length` tokens: it grows in eight steps per octave, from 16 on."""
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


def feed(windows: Sequence[Window], inputs: Sequence[str]) -> Feed:
    """Return the arrays of a batch by the names in `inputs`, each int64 [rows, padded length].

    The names may be `input_ids`, `attention_mask` and `token_type_ids`.
    """
    shape = (len(windows), padded(max(window.span.tokens for window in windows)))
    arrays = {name: np.zeros(shape, np.int64) for name in inputs}
    for row, window in enumerate(windows):
        said: dict[str, list[int] | int] = {
            "input_ids": window.ids,
            "attention_mask": 1,
            "token_type_ids": window.type_ids,
        }
        for name in inputs:
            arrays[name][row, : window.span.tokens] = said[name]
    return arrays
