"""A row that is set into an ordinary text keeps its words, its sentences and its targets, and so does the text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recipe import Plant
from models.text.plant import Sample, planted, samples

MARK = 9


def sample(row: int, *sizes: int) -> Sample:
    """Sentences of so many tokens; the id of a token tells its row, and each sentence ends with a mark."""
    ids, units = [1], []
    for size in sizes:
        units.append((len(ids), len(ids) + size, row))
        ids += [100 + row] * (size - 1) + [MARK]
    return Sample([*ids, 2], units, row)


@given(
    st.lists(st.integers(2, 30), min_size=1, max_size=4),
    st.lists(st.integers(2, 40), min_size=1, max_size=8),
    st.integers(64, 128),
    st.integers(0, 10_000),
)
def test_a_planted_row_stands_whole_among_the_carrier_s_sentences(
    row: list[int], carrier: list[int], most: int, seed: int
) -> None:
    how = Plant(carriers=("news",), share=1, max_tokens=most, unmarked=0)
    mine, theirs = sample(5, *row), sample(7, *carrier)
    if len(mine.ids) > most // 2:
        return
    made = planted(mine, theirs, how, random.Random(seed))
    assert len(made.ids) <= most
    assert made.row is None
    assert (made.ids[0], made.ids[-1]) == (1, 2)
    said = [i for a, b, r in made.units if r == 5 for i in made.ids[a:b]]
    assert said == mine.ids[1:-1]
    covered = sorted(i for a, b, _ in made.units for i in range(a, b))
    assert covered == list(range(1, len(made.ids) - 1)), "each token is in one sentence"
    for a, b, owner in made.units:
        assert {i for i in made.ids[a:b] if i != MARK} <= {100 + owner}


def test_without_marks_a_part_that_holds_the_row_counts_as_its() -> None:
    how = Plant(carriers=("news",), share=1, max_tokens=128, unmarked=1)
    made = planted(sample(5, 6), sample(7, 20, 20, 20), how, random.Random(3), {MARK})
    assert MARK not in made.ids
    for a, b, owner in made.units:
        assert owner == (5 if 105 in made.ids[a:b] else 7)
    assert {owner for _, _, owner in made.units} == {5, 7}


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_rows_are_planted_by_lot_and_carriers_and_long_rows_stand_alone(share: float) -> None:
    how = Plant(carriers=("news",), share=share, max_tokens=64)
    rows, carrier, long = [sample(k, 5) for k in range(200)], sample(500, 20, 20), sample(501, 50)
    made = samples([*rows, carrier, long], [carrier], how, random.Random(1), ())
    assert made[-2:] == [carrier, long]
    alone = sum(s.row is not None for s in made[:-2])
    assert abs(alone - (1 - share) * 200) < 30
    assert samples(rows, [carrier], None, random.Random(1), ()) == rows
