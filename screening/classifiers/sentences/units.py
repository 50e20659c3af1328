"""Say which tokens of a window belong to which sentence, and pool the logits of tokens over these.

A linear head and a mean commute: the mean of the tokens' logits is the logit of their mean. So a graph gives the logits
of each token, sentences need no input of their own, and jobs and training pool with the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.intp]
MOST = 48  # tokens; a longer sentence is cut evenly, so that taking out all marks doesn't drown anything
NEAR = 8  # tokens; how far a cut moves back so that it doesn't divide a word


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or a part of one, in a window: its characters `start` to `end`, its tokens `first` to before `last`.

    `sentence` is its number in the text.
    """

    sentence: int
    start: int
    end: int
    first: int
    last: int


def runs(offsets: Sequence[tuple[int, int]], first: int, begins: int, ends: Ints) -> list[Unit]:
    """Return one unit for each sentence that has tokens in a window, in order.

    `offsets` are the characters of the window's tokens without the special ones, of which the first is number `first`
    in the window; they count from the character `begins` of the text, whose sentences end at `ends`.
    """
    places = np.array(offsets, np.intp).reshape(-1, 2) + begins
    numbers = np.searchsorted(ends, places[:, 0], "right")
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(places)]
    return [
        Unit(int(numbers[a]), int(places[a, 0]), int(places[b - 1, 1]), first + a, first + b)
        for a, b in pairwise(edges)
        if a < b
    ]


def settled(before: list[Unit], after: list[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Return the units of two windows that overlap; of a sentence that one has as far as the other, only that one's.

    Where each has something that the other lacks, both stay. Of two equal ones the first stays.
    """
    here, there = ({unit.sentence: unit for unit in units} for units in (before, after))
    for number in here.keys() & there.keys():
        one, other = here[number], there[number]
        if one.start <= other.start and other.end <= one.end:
            del there[number]
        elif other.start <= one.start and one.end <= other.end:
            del here[number]
    return list(here.values()), list(there.values())


def cut(units: Sequence[Unit], offsets: Sequence[tuple[int, int]], first: int, begins: int) -> Iterator[Unit]:
    """Yield the units, those of more than `MOST` tokens in even parts, give or take `NEAR`; the rest as in `runs`."""
    for unit in units:
        count = unit.last - unit.first
        parts = -(-count // MOST)
        if parts == 1:
            yield unit
            continue
        edges = [unit.first + count * k // parts for k in range(parts + 1)]
        for k in range(1, parts):
            for back in range(NEAR):
                here = edges[k] - back - first
                if offsets[here][0] > offsets[here - 1][1]:  # a blank stands before this token
                    edges[k] -= back
                    break
        for a, b in pairwise(edges):
            start, end = begins + offsets[a - first][0], begins + offsets[b - 1 - first][1]
            yield replace(unit, start=start, end=end, first=a, last=b)


def means(values: npt.NDArray[np.float32], row: Ints, first: Ints, last: Ints) -> npt.NDArray[np.float32]:
    """Return the means [units, labels] of logits [rows, tokens, labels] over the tokens `first` to before `last`.

    The sums run along a row, so a unit's mean depends on what stands before it in its own row, and on no other row.
    """
    sums = np.zeros((values.shape[0], values.shape[1] + 1, values.shape[2]))
    np.cumsum(values, axis=1, dtype=np.float64, out=sums[:, 1:])
    with np.errstate(invalid="ignore"):  # what is not finite stays so, and becomes an error of its content
        whole = sums[row, last] - sums[row, first]
    return np.asarray(whole / (last - first)[:, None], np.float32)
