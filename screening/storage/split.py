"""Find where to cut a bucket's names into ranges of similar size, by asking for the next name after a text.

A bucket lists its names in order, from any text on, but does not tell how many there are or which is the last. So the
names are treated as a tree of their letters: the beginning that all names of a range share is found by halving, then
the letters that follow it are found one by one, and each is a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

Peek = Callable[[str, str, int], Sequence[str]]  # (start, end, most): the first names of a range; end "" means none
PAGE = 1000  # names, as a bucket gives them
CUTS = 64  # of one range in one round, however many letters follow
ASKING = 16  # calls at the same time


def cut_points(peek: Peek, start: str, end: str, pieces: int, page: int = PAGE) -> list[str]:
    """Return texts, in order, at which to cut the names from `start` up to `end` into `pieces` ranges or a few more.

    A range of less than a `page` of names is left whole, so there are fewer if there are few names. A range costs one
    call. One that is cut costs one more for each cut, and the logarithm of the length of its names.
    """
    large = [(start, end)]
    cuts: list[str] = []
    with ThreadPoolExecutor(ASKING) as pool:
        while large and len(cuts) < pieces - 1:
            names = pool.map(lambda one: peek(one[0], one[1], page), large)
            large = [one for one, found in zip(large, names, strict=True) if len(found) == page]
            letters = list(pool.map(lambda one: _next_letters(peek, *one), large))
            cuts += [cut for found in letters for cut in found]
            large = [
                pair
                for (first, last), found in zip(large, letters, strict=True)
                if found
                for pair in pairwise((first, *found, last))
            ]
    return sorted(cuts)


def _next_letters(peek: Peek, start: str, end: str) -> list[str]:
    """Return the beginning that all names of the range share, with each letter that follows it except the first."""
    names = peek(start, end, 1)
    cuts: list[str] = []
    shared = _shared(peek, names[0], end) if names else 0  # no names: they were deleted meanwhile
    while names and len(cuts) < CUTS:
        name = names[0]
        beyond = after(name[: shared + 1]) if len(name) > shared else f"{name} "
        names = peek(beyond, end, 1) if beyond and (not end or beyond < end) else []
        cuts += [name[: shared + 1] for name in names]
    return cuts


def _shared(peek: Peek, first: str, end: str) -> int:
    """Return how many letters of `first` all names from it up to `end` begin with."""
    low, high = 0, len(first)
    while low < high:
        middle = (low + high + 1) // 2
        beyond = after(first[:middle])
        if not beyond or (end and beyond >= end) or not peek(beyond, end, 1):
            low = middle
        else:
            high = middle - 1
    return low


def after(text: str) -> str:
    """Return the least text that is greater than all texts that begin with `text`, or "" if there is none."""
    while text:
        text, last = text[:-1], ord(text[-1])
        if last < 0x10FFFF:
            return text + chr(0xE000 if last + 1 == 0xD800 else last + 1)  # surrogates are not text
    return ""
