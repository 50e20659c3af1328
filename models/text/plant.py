"""Set training rows into windows of ordinary texts, at a random place between two sentences."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from models.recipe import Plant
from screening.classifiers.sentences.units import MOST

LEAST = 24  # tokens of the carrier, so that there is something to stand in


@dataclass(frozen=True)
class Sample:
    """A window to train on: its token ids, and for each sentence its tokens `first` to before `last` and its row.

    `row` is the row that heads about windows learn from; None if there is none.
    """

    ids: list[int]
    units: list[tuple[int, int, int]]
    row: int | None


def planted(row: Sample, carrier: Sample, how: Plant, chance: random.Random, marks: Collection[int] = ()) -> Sample:
    """Return the row's tokens between two sentences of the carrier, in a window of a length by lot.

    With the chance `how.unmarked` the tokens that are `marks` are left out, and the sentences are then cut evenly, as
    they are when such a text is scored; a part that holds tokens of the row counts as the row's.
    """
    inner = row.ids[1:-1]
    room = chance.randint(min(how.max_tokens, len(inner) + LEAST), how.max_tokens) - len(inner) - 2
    place = chance.choice([carrier.units[0][0], *(last for _, last, _ in carrier.units)])
    before = round(room * chance.random())
    start = max(1, place - before)
    end = min(len(carrier.ids) - 1, place + room - (place - start))
    head, tail = carrier.ids[start:place], carrier.ids[place:end]
    units = [
        (max(a, start) - start + 1, min(b, place) - start + 1, r)
        for a, b, r in carrier.units
        if a < place and b > start
    ]
    units += [(a + len(head), b + len(head), r) for a, b, r in row.units]
    shift = len(head) + len(inner) + 1 - place
    units += [(max(a, place) + shift, min(b, end) + shift, r) for a, b, r in carrier.units if b > place and a < end]
    whole = Sample([carrier.ids[0], *head, *inner, *tail, carrier.ids[-1]], units, None)
    return without_marks(whole, row.units[0][2], marks) if chance.random() < how.unmarked else whole


def without_marks(whole: Sample, row: int, marks: Collection[int]) -> Sample:
    """Return the sample without the tokens that are marks, its sentences cut evenly; `row` is the one of interest."""
    kept = [(whole.ids[i], r) for a, b, r in whole.units for i in range(a, b) if whole.ids[i] not in marks]
    if not kept:
        return whole
    parts = -(-len(kept) // MOST)
    edges = [len(kept) * k // parts for k in range(parts + 1)]
    units = []
    for a, b in pairwise(edges):
        rows = {r for _, r in kept[a:b]}
        units.append((a + 1, b + 1, row if row in rows else min(rows)))
    return Sample([whole.ids[0], *(i for i, _ in kept), whole.ids[-1]], units, None)


def samples(
    due: Sequence[Sample], carriers: Sequence[Sample], how: Plant | None, chance: random.Random, marks: Collection[int]
) -> list[Sample]:
    """Return what is trained on in an epoch: each sample that is due, alone or planted by lot."""
    if how is None or not carriers:
        return list(due)
    theirs = {unit[2] for sample in carriers for unit in sample.units}

    def seen(sample: Sample) -> Sample:
        alone = not sample.units or sample.units[0][2] in theirs or len(sample.ids) > how.max_tokens // 2
        return (
            sample
            if alone or chance.random() >= how.share
            else planted(sample, chance.choice(carriers), how, chance, marks)
        )

    return [seen(sample) for sample in due]
