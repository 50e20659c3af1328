"""Words by which a disguise is told from an abbreviation, a formula or a name."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files

_HERE = files("screening.checks")
# What people disguise most, beside common words; of several words that a mask may hide, the first of these is taken.
HARSH = tuple((_HERE / "harsh.txt").read_text().split())
# ends of words whose apostrophe was lost: `don t`, `we ll`
ENDS = frozenset({"s", "t", "m", "d", "ll", "re", "ve"})
VOWELS = "[aeiou]"
PIECE = re.compile(r"[A-Za-z]+")

Undone = tuple[str, int]  # a text in which disguises were undone, and how many disguised words that were


@cache
def words() -> frozenset[str]:
    """Return the words that are known: the whole words of BERT's vocabulary (uncased; Devlin et al. 2018), and more."""
    return frozenset((*HARSH, *_common()))


@lru_cache(1024)
def masked(mask: str) -> str:
    """Return the likeliest word in which each `*` of `mask` stands for a vowel, or ""."""
    hidden = re.compile(mask.replace("*", VOWELS))
    return next((word for word in (*HARSH, *_common()) if len(word) == len(mask) and hidden.fullmatch(word)), "")


def known(word: str) -> bool:
    """Return whether a word is known, in whatever case."""
    return word.lower() in words()


def whole(word: str) -> bool:
    """Return whether what stands alone is a word: known, or `a`, `I`, or what was after an apostrophe."""
    lowered = word.lower()
    return lowered in words() or lowered in ENDS or lowered in "aio"


def parted(letters: str) -> list[str]:
    """Return the fewest known words that letters without spaces are made of, or []; `a` and `I` count."""
    lowered = letters.lower()
    best: list[tuple[int, int] | None] = [(0, 0), *[None] * len(lowered)]  # number of words, start of the last
    for end in range(1, len(lowered) + 1):
        for start in range(max(0, end - 20), end):
            before = best[start]
            piece = lowered[start:end]
            if before is None or not (piece in words() if end - start > 1 else piece in "ai"):
                continue
            now = best[end]
            if now is None or before[0] + 1 < now[0]:
                best[end] = before[0] + 1, start
    found: list[str] = []
    at = len(lowered)
    while at and (last := best[at]):
        found.append(letters[last[1] : at])
        at = last[1]
    return found[::-1]


@cache
def _common() -> tuple[str, ...]:
    return tuple((_HERE / "words.txt").read_text().split())
