"""Undo what disguises words from a classifier, but not from a person.

Each disguise is undone only where that makes words of English out of what were none, or where no honest text has it, so
that ordinary text, formulas, code and other scripts stay as they are. Whoever changes what comes out raises the version
of the check `disguised`, and `REVISION` of the decoder, by which stored scores are known again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from screening.checks import letters, spelling
from screening.checks.lookalikes import INVISIBLE, LOOKALIKES, SMALL_CAPITALS, STYLED
from screening.checks.vocabulary import Undone

ROUNDS = 4  # one disguise may hide another
# what ordinary Latin text does not have: all but its letters, its punctuation and the signs of currencies
FAR = re.compile("[^\x00-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205f\u20a0-\u20cf]")

# each with the characters without which there is nothing to undo
UNICODE: tuple[tuple[frozenset[str], Callable[[str], Undone]], ...] = (
    (frozenset(map(chr, range(0xE0020, 0xE007F))), letters.tags),
    (frozenset("\u202e"), letters.turned),
    (frozenset(filter(re.compile(f"[{INVISIBLE}]").match, map(chr, range(0xE01F0)))), letters.joined),
    (frozenset(map(chr, range(0x300, 0x370))), letters.unmarked),
    (frozenset(map(chr, STYLED)), letters.plain),
    (frozenset(map(chr, SMALL_CAPITALS)), letters.small),
    (frozenset(map(chr, LOOKALIKES)), letters.latin),
)
ASCII: tuple[Callable[[str], Undone], ...] = (
    spelling.together,
    spelling.letters,
    spelling.unstarred,
    spelling.uncut,
    spelling.unsplit,
)


def fold(text: str) -> str:
    """Return a text as a person reads it: the same text, if nothing in it is disguised."""
    return undone(text)[0]


def disguises(text: str) -> int:
    """Return how many words of a text are disguised."""
    return undone(text)[1]


def undone(text: str) -> Undone:
    """Return a text as a person reads it, and how many of its words are disguised."""
    count = 0
    for _ in range(ROUNDS):
        before = text
        far = set(FAR.findall(text))
        for undo in (*(undo for signs, undo in UNICODE if not signs.isdisjoint(far)), *ASCII):
            text, found = undo(text)
            count += found
        if text == before:
            break
    return text, count
