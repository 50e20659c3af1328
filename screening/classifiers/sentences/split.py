"""Find where the sentences of a text end, by rules that need no model and take a time that grows with its length only.

A sentence ends at an end mark before a blank, at the end marks of other scripts, and at the end of a line or a list's
item. It does not end after an abbreviation, an initial or the number of an item. What has fewer than three words is
joined to its neighbour, so that no sentence can be hidden in pieces. The idea is that of rule-based splitters such as
pySBD (Sadvilkar and Neumann 2020).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Scores of sentence heads are calibrated with these rules, and a bundle names the ones it was made with: a change of
# what `ends` returns is a new number here and in `Windowing.sentences`.
RULES = 1
WORDS = 3  # the least number of words of a sentence

# No run of marks is read more than once: of a run only its first mark is tried, and a quantifier gives nothing back.
_END = re.compile(
    r"""(?<![.!?…])[.!?…]++["'”’»)\]]*+(?=\s|$)   # before a blank
      | (?<=[^\W\d_]{2})[.!?](?=[A-Z][a-z])       # before a new sentence without a blank
      | [。！？｡؟۔।॥።፧။]+["'”’»)\]」』）]*+           # other scripts, which need no blank
      | [\n\r\u2028\u2029]\s*                     # the end of a line
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"\w+(?:['’]\w+)*")
# After these a sentence hardly ends, and after the others only before a capital letter.
_NEVER = (
    " mr mrs ms dr prof rev gen col capt lt sgt sen rep gov hon st mt messrs mme vs e.g i.e cf al viz approx ca fig vol"
    " ed eds pp p art sec ch jan feb mar apr jun jul aug sep sept oct nov dec "
)
_SELDOM = " etc inc ltd co corp jr sr a.m p.m u.s u.k u.n e.u d.c ph.d b.a m.a no nos "
_OPENING = "([{\"'“‘«"


def ends(text: str) -> list[int]:
    """Return where each sentence ends, in characters, ascending; the last one ends with the text.

    A sentence begins where the one before it ended, so each character belongs to one. Blanks behind it are its own or
    the next one's. An empty text has one empty sentence.
    """
    found: list[int] = []
    words = begins = 0
    for end in _candidates(text):
        words += _words(text, begins, end)
        begins = end
        if words >= WORDS:
            found.append(end)
            words = 0
    if found and words + _words(text, begins, len(text)) < WORDS:
        found.pop()  # what is left is too short, so it belongs to the last sentence
    if not found or found[-1] < len(text):
        found.append(len(text))
    return found


def _candidates(text: str) -> Iterator[int]:
    for match in _END.finditer(text):
        mark, end = match[0], match.end()
        if mark.isspace():
            if end == len(text) or not (text[end].islower() and mark.count("\n") < 2):
                yield end  # a line that goes on in lower case was only wrapped
        elif not (
            (mark[0] == "." and _is_inside(text, match.start(), end))
            or (mark[:2] in ("..", "…") and _next(text, end).islower())
        ):
            yield end


def _is_inside(text: str, stop: int, end: int) -> bool:
    """Return whether a sentence goes on after the full stop at `stop`, because of the word before it."""
    first = max(text.rfind(blank, max(0, stop - 8), stop) for blank in " \n\t\xa0")
    if first < 0 and stop > 8:
        return False  # the word is longer than any abbreviation
    word = text[first + 1 : stop].lstrip(_OPENING)
    if word.isdecimal():
        before = text[max(0, first - 8) : first + 1].rstrip(" \t\xa0")
        return not before or before[-1] in "\n\r"  # the number of an item, which begins a line
    if len(word) == 1 and word.isupper():
        return word != "I"
    known = f" {word.lower()} "
    return known in _NEVER or (known in _SELDOM and not _next(text, end).isupper())


def _next(text: str, end: int) -> str:
    """Return the first character that is no blank, among the next few."""
    return text[end : end + 8].lstrip()[:1]


def _words(text: str, start: int, end: int) -> int:
    """Return the number of words, or `WORDS` if there are more; a letter of a script without blanks counts as one."""
    count = 0
    for match in _WORD.finditer(text, start, end):
        count += len(match[0]) if "\u3040" <= match[0][0] <= "\u9fff" else 1
        if count >= WORDS:
            return WORDS
    return count
