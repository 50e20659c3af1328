"""The index finds what comparing every entry finds, wherever the bits differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.checks.nearest import BITS, FEW, REACH, Hashes, Match, Nearest

RANDOM = np.random.default_rng(7)
MANY: Hashes = RANDOM.integers(0, 2**64, (3 * FEW, 4), dtype=np.uint64)
INDEX = Nearest(MANY, REACH)


def with_flipped(entry: int, bits: list[int]) -> Hashes:
    """A query that differs from an entry in these bits."""
    own = np.unpackbits(MANY[entry : entry + 1].view(np.uint8))
    own[bits] ^= 1
    return np.packbits(own).view(np.uint64).reshape(1, 4)


def by_comparing(hashes: Hashes, queries: Hashes, most: int) -> Match | None:
    found = [
        Match(int((bin(int.from_bytes(a.tobytes()) ^ int.from_bytes(b.tobytes()))).count("1")), query, entry)
        for query, a in enumerate(queries)
        for entry, b in enumerate(hashes)
    ]
    return min((match for match in found if match.distance <= most), default=None)


@given(st.integers(0, len(MANY) - 1), st.sets(st.integers(0, BITS - 1), max_size=REACH))
def test_whatever_differs_by_31_bits_is_found(entry: int, bits: set[int]) -> None:
    assert INDEX.find(with_flipped(entry, sorted(bits))) == (len(bits), 0, entry)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("spread", [(31, 0, 0, 0), (8, 8, 8, 7), (7, 8, 8, 8), (16, 15, 0, 0), (10, 10, 11, 0)])
def test_wherever_they_lie(column: int, spread: tuple[int, ...]) -> None:
    """One bit of each word first, as that leaves the fewest words that are alike."""
    bits = [
        64 * ((column + place) % 4) + 16 * (bit % 4) + bit // 4
        for place, many in enumerate(spread)
        for bit in range(many)
    ]
    assert INDEX.find(with_flipped(5, bits)) == (31, 0, 5)


def test_what_differs_by_more_is_not() -> None:
    assert INDEX.find(with_flipped(5, list(range(0, 256, 8)))) is None
    assert INDEX.find(RANDOM.integers(0, 2**64, (16, 4), dtype=np.uint64)) is None


def test_the_first_query_and_entry_of_several_are_named() -> None:
    twice = np.concatenate((MANY, MANY[:10]))
    far, near = with_flipped(3, [1, 2]), with_flipped(7, [5])
    assert Nearest(twice, REACH).find(np.concatenate((far, near, near))) == (1, 1, 7)


@pytest.mark.parametrize("most", [0, 5, 31, 40])
def test_few_entries_and_large_distances_are_compared(most: int) -> None:
    few = MANY[:20]
    queries = np.concatenate([with_flipped(entry, list(range(flips))) for entry, flips in ((3, 38), (4, 6), (5, 0))])
    for own in (queries, queries[:2], queries[:1]):
        assert Nearest(few, most).find(own) == by_comparing(few, own, most)
    assert Nearest(MANY, 40).find(queries[:1]) == (38, 0, 3)


def test_hashes_that_share_their_words_are_found_too() -> None:
    """As many as possible in one place of the index."""
    alike = np.zeros((2 * FEW, 4), np.uint64)
    alike[:, 3] = np.arange(2 * FEW)
    assert Nearest(alike, REACH).find(alike[77:78]) == (0, 0, 77)


def test_nothing_is_near_to_nothing() -> None:
    assert Nearest(MANY[:0], REACH).find(MANY[:1]) is None
    assert INDEX.find(MANY[:0]) is None
