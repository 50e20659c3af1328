"""Find the entries of a manifest that repeat an earlier one, from 20 bytes for each entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

_ENTRY = np.dtype([("high", ">u8"), ("low", ">u8"), ("row", ">u4")])  # a digest of 128 bits, and its row in the piece
_DIGEST = np.dtype([("high", ">u8"), ("low", ">u8")])


def by_range(digests: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield a piece's digests (in the order of its rows) as packed entries, grouped by their first byte."""
    given = np.frombuffer(b"".join(digests), _DIGEST)
    entries = np.empty(len(given), _ENTRY)
    entries["high"], entries["low"], entries["row"] = given["high"], given["low"], np.arange(len(given))
    first = entries["high"] >> np.uint64(56)
    for value in np.unique(first):
        yield int(value), entries[first == value].tobytes()


def find(packed: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield the id of each piece with repeats, and its packed rows that repeat an earlier row of any piece."""
    ids, parts = zip(*sorted(packed), strict=True)
    entries = np.frombuffer(b"".join(parts), _ENTRY)
    piece = np.repeat(np.arange(len(ids)), [len(part) // _ENTRY.itemsize for part in parts])
    order = np.lexsort((entries["row"], piece, entries["low"], entries["high"]))
    high, low = entries["high"][order], entries["low"][order]
    again = order[1:][(high[1:] == high[:-1]) & (low[1:] == low[:-1])]
    for index in np.unique(piece[again]):
        yield ids[index], entries["row"][again[piece[again] == index]].tobytes()


def places(packed: Iterable[bytes]) -> set[int]:
    """Return the rows that `find` packed for one piece."""
    return set(np.frombuffer(b"".join(packed), ">u4").tolist())
