"""Where to cut a bucket's names into ranges of some balance, found by asking for the next name after a text.

A bucket is listed in the order of its names, from any text on, and says nothing of how many there are or which is the
last. So names are looked at as a tree of their letters: what all of a range share is found by halving, then the next
letters that occur are found one by one, each a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

Peek = Callable[[str, str, int], Sequence[str]]  # the first so many names from one text up to another ("": no end)
PAGE = 1000  # names, as a bucket gives them
CUTS = 64  # of one range in one go, however many letters follow
ASKING = 16  # calls at once


def cut_points(peek: Peek, start: str, end: str, pieces: int, page: int = PAGE) -> list[str]:
    """Texts, in order, at which to cut the names from `start` up to `end` into `pieces` ranges or somewhat more.

    A range of less than a `page` of names is left whole, so there are fewer when there are few
    names. A call a range, and for one that is cut a few more: one a cut, and the logarithm of the length of its names.
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
    """What all names of the range share, with each letter that follows it but the first."""
    names = peek(start, end, 1)
    cuts: list[str] = []
    shared = _shared(peek, names[0], end) if names else 0  # none: deleted meanwhile
    while names and len(cuts) < CUTS:
        name = names[0]
        beyond = after(name[: shared + 1]) if len(name) > shared else f"{name} "
        names = peek(beyond, end, 1) if beyond and (not end or beyond < end) else []
        cuts += [name[: shared + 1] for name in names]
    return cuts


def _shared(peek: Peek, first: str, end: str) -> int:
    """How many letters of `first` all names from it up to `end` begin with."""
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
    """The least text that is greater than all that begin with `text`; "" when there is none."""
    while text:
        text, last = text[:-1], ord(text[-1])
        if last < 0x10FFFF:
            return text + chr(0xE000 if last + 1 == 0xD800 else last + 1)  # surrogates are no text
    return ""
