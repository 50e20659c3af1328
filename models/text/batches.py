"""Texts to token windows to batches: what training sees and what evaluation scores, cut the same way."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Ids = npt.NDArray[np.int64]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The base model's tokenizer, without truncation or padding: windows are cut here."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # as jobs do: what looks like a special token in a text stays text
    return tokenizer


def cut(ids: Sequence[int], max_tokens: int, overlap: int) -> list[list[int]]:
    """Windows over `[CLS] … [SEP]` ids, each with both marks and at most `max_tokens` long."""
    first, body, last = ids[0], list(ids[1:-1]), ids[-1]
    room = max_tokens - 2
    if len(body) <= room:
        return [list(ids)]
    starts = range(0, len(body) - overlap, room - overlap)
    return [[first, *body[s : s + room], last] for s in starts]


def encode(tokenizer: Tokenizer, texts: Sequence[str], chunk: int = 2000) -> Iterator[list[int]]:
    """Token ids of each text, marks included, any length."""
    for start in range(0, len(texts), chunk):
        for encoding in tokenizer.encode_batch(list(texts[start : start + chunk])):
            yield encoding.ids


@dataclass(frozen=True)
class Batch:
    """Padded `input_ids` and `attention_mask` [batch, seq], and which `rows` they are."""

    input_ids: Ids
    attention_mask: Ids
    rows: list[int]


def batches(windows: Sequence[Sequence[int]], tokens: int, shuffle: random.Random | None = None) -> list[Batch]:
    """Batches of about equal length, each at most `tokens` padded tokens; a shuffle moves ties and the batches."""
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
