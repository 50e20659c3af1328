"""Find the nearest of many 256-bit hashes by multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012).

By the pigeonhole principle, two hashes that differ in at most 31 bits differ in at most 7 bits of one of their four
columns of 64 bits, and in at most one bit of one of the four words of 16 bits in that column. So the entries that share
such a word, or all but one bit of it, are looked up: about 4,000 of a million. Two more words of the column, which
stand beside the entry in the index, rule out nearly all of these before any hash is read.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]  # (n, 4)
Places = npt.NDArray[np.intp]

BITS = 256
COLUMNS, WORDS, WIDTH = 4, 16, 16  # columns and words of a hash, and bits of a word
REACH = 2 * WORDS - 1  # bits: the greatest distance for which one bit of one word is enough
FEW = 4096  # entries that are compared one by one as fast as they are looked up
MASKS = np.array([0, *(1 << bit for bit in range(WIDTH))], np.uint16)  # a word as it is, and with each bit flipped
BESIDE = np.array([[4 * (word // 4) + (word + step) % 4 for step in (1, 2)] for word in range(WORDS)])


class Match(NamedTuple):
    """The distance in bits, and the places of the query and of the entry that are so near."""

    distance: int
    query: int
    entry: int


class Nearest:
    """An index of hashes, which takes 160 bytes an entry, or 32 if there are few or the distance is large."""

    def __init__(self, hashes: Hashes, most: int) -> None:
        """Index hashes for matches that differ in at most `most` bits, once the first is looked for."""
        self._hashes = hashes
        self._most = most
        self._indexed = len(hashes) > FEW and most <= REACH
        self._lock = threading.Lock()
        self._made = False

    def build(self) -> None:
        """Make the index now if there is none yet; whoever only checks a bank never needs it."""
        with self._lock:
            if self._indexed and not self._made:
                words = self._hashes.view(np.uint16)
                orders = [np.argsort(words[:, word], kind="stable").astype(np.uint32) for word in range(WORDS)]
                self._orders = np.stack(orders)
                pairs = [np.ascontiguousarray(words[:, beside]).view(np.uint32)[:, 0] for beside in BESIDE]
                self._beside = np.stack([pair[order] for pair, order in zip(pairs, orders, strict=True)])
                counts = np.stack([np.bincount(words[:, word], minlength=1 << WIDTH) for word in range(WORDS)])
                self._starts = np.concatenate((np.zeros((WORDS, 1), np.int64), np.cumsum(counts, axis=1)), axis=1)
                self._made = True

    @property
    def bytes(self) -> int:
        """The memory that the index takes, hashes included."""
        arrays = (self._hashes, self._orders, self._beside, self._starts) if self._made else (self._hashes,)
        return sum(array.nbytes for array in arrays)

    def find(self, queries: Hashes) -> Match | None:
        """Return the nearest match of any query (q, 4), or None; of several, the first query's first entry."""
        self.build()
        found = (self._nearest(place, query) for place, query in enumerate(queries))
        return min((match for match in found if match), default=None)

    def _nearest(self, place: int, query: npt.NDArray[np.uint64]) -> Match | None:
        entries = self._candidates(query) if self._indexed else None
        hashes = self._hashes if entries is None else self._hashes[entries]
        if not len(hashes):
            return None
        distances = np.bitwise_count(hashes ^ query).sum(axis=1)
        nearest = int(distances.min())
        if nearest > self._most:
            return None
        first = np.flatnonzero(distances == nearest)
        return Match(nearest, place, int((first if entries is None else entries[first]).min()))

    def _candidates(self, query: npt.NDArray[np.uint64]) -> Places:
        """Return the places of the entries that may be near: in no order, and some of them several times."""
        words = query.view(np.uint16)
        word = np.arange(WORDS)[:, None]
        keys = words[:, None] ^ MASKS
        first, last = self._starts[word, keys].reshape(-1), self._starts[word, keys.astype(np.intp) + 1].reshape(-1)
        sizes = last - first
        index = np.repeat(np.arange(WORDS), sizes.reshape(WORDS, -1).sum(axis=1))
        within = np.arange(len(index)) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)
        beside = words[BESIDE].view(np.uint32)[:, 0]
        near = np.bitwise_count(self._beside[index, within] ^ beside[index]) <= self._most // COLUMNS
        entries: Places = self._orders[index[near], within[near]].astype(np.intp)
        return entries
