"""Group windows of tokens into the batches that a network is trained on, each of windows of similar length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from screening.classifiers.manifest import Windowing
from screening.classifiers.windows import load_tokenizer

Ids = npt.NDArray[np.int64]


def cutter(folder: Path, max_tokens: int, overlap: int) -> Tokenizer:
    """Return the tokenizer in a folder, set to cut texts into windows exactly as jobs do.

    Raises ConfigError if the tokenizer can't be used.
    """
    file = folder / "tokenizer.json"
    return load_tokenizer(file.read_bytes(), Windowing(max_tokens=max_tokens, overlap=overlap), str(file))


def beginning(windows: Sequence[list[int]], tokens: int, overlap: int) -> list[list[int]]:
    """Return the windows that a text would have if it ended after `tokens` tokens, its two special tokens included."""
    kept: list[list[int]] = []
    left = tokens
    for ids in windows:
        if kept and left - 2 <= overlap:
            break  # the window before this one has all that is left
        kept.append(ids if len(ids) <= left else [*ids[: left - 1], ids[-1]])
        left -= len(ids) - 2 - overlap
    return kept


@dataclass(frozen=True)
class Batch:
    """Padded `input_ids` and `attention_mask` [batch, seq], and the indices of their windows (`rows`)."""

    input_ids: Ids
    attention_mask: Ids
    rows: list[int]


def batches(windows: Sequence[Sequence[int]], tokens: int, shuffle: random.Random | None = None) -> list[Batch]:
    """Return batches of windows of similar length, each of at most `tokens` padded tokens.

    `shuffle` mixes windows of nearly equal length, and the order of the batches.
    """
    order = list(range(len(windows)))
    if shuffle:
        shuffle.shuffle(order)
        order.sort(key=lambda i: len(windows[i]) + shuffle.uniform(-2, 2))
    else:
        order.sort(key=lambda i: len(windows[i]))
    out: list[Batch] = []
    rows: list[int] = []
    longest = 0
    for i in order:
        longest_then = max(longest, len(windows[i]))
        if rows and longest_then * (len(rows) + 1) > tokens:
            out.append(_pad(windows, rows))
            rows, longest_then = [], len(windows[i])
        rows.append(i)
        longest = longest_then
    if rows:
        out.append(_pad(windows, rows))
    if shuffle:
        shuffle.shuffle(out)
    return out


def _pad(windows: Sequence[Sequence[int]], rows: list[int]) -> Batch:
    width = max(len(windows[i]) for i in rows)
    ids = np.zeros((len(rows), width), np.int64)
    mask = np.zeros_like(ids)
    for k, i in enumerate(rows):
        ids[k, : len(windows[i])] = windows[i]
        mask[k, : len(windows[i])] = 1
    return Batch(ids, mask, rows)
