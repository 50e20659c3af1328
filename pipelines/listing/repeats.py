"""Which entries of a manifest repeat an earlier one, found by 20 bytes an entry and not by the entries themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

_ENTRY = np.dtype([("high", ">u8"), ("low", ">u8"), ("row", ">u4")])  # a digest of 128 bits, and which row of its piece
_DIGEST = np.dtype([("high", ">u8"), ("low", ">u8")])


def by_range(digests: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """The digests of a piece's rows, in their order, as packed entries by first byte: equal ones meet."""
    given = np.frombuffer(b"".join(digests), _DIGEST)
    entries = np.empty(len(given), _ENTRY)
    entries["high"], entries["low"], entries["row"] = given["high"], given["low"], np.arange(len(given))
    first = entries["high"] >> np.uint64(56)
    for value in np.unique(first):
        yield int(value), entries[first == value].tobytes()


def find(packed: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Pieces (by id) with the packed rows of theirs that repeat an earlier row, of theirs or of a piece before."""
    ids, parts = zip(*sorted(packed), strict=True)
    entries = np.frombuffer(b"".join(parts), _ENTRY)
    piece = np.repeat(np.arange(len(ids)), [len(part) // _ENTRY.itemsize for part in parts])
    order = np.lexsort((entries["row"], piece, entries["low"], entries["high"]))
    high, low = entries["high"][order], entries["low"][order]
    again = order[1:][(high[1:] == high[:-1]) & (low[1:] == low[:-1])]
    for index in np.unique(piece[again]):
        yield ids[index], entries["row"][again[piece[again] == index]].tobytes()


def places(packed: Iterable[bytes]) -> set[int]:
    """The rows that `find` packed for one piece."""
    return set(np.frombuffer(b"".join(packed), ">u4").tolist())
