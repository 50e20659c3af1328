"""Tell what of the lines that a browser shows is in no text of a document."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from screening.content import Document, Text

WORDS = re.compile(r"\w+")
RUN = 5  # words; a shorter line must be there as a whole
FEWEST = 2  # letters in a word on average, where the words are cut otherwise than in the browser


class _Part:
    """The words of one part, also without what is between them, as a browser sets cells apart by styles alone."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.runs = {tuple(run) for run in _runs(words)}
        self._spaced = f" {' '.join(words)} "
        self._squeezed = "".join(words)
        self._starts = [0, *accumulate(map(len, words))]

    def has(self, run: tuple[str, ...]) -> bool:
        if run in self.runs or f" {' '.join(run)} " in self._spaced:
            return True
        sought = "".join(run)
        at = self._squeezed.find(sought)
        if at < 0:
            return False
        within = bisect_left(self._starts, at + len(sought)) - bisect_right(self._starts, at) + 1
        return within == 1 or len(sought) >= FEWEST * within


def missing(lines: Iterable[str], document: Document) -> list[str]:
    """Return the runs of words that are shown and in no part, each once."""
    parts = [_Part(part.content.text) for part in document.parts if isinstance(part.content, Text)]
    shown = {tuple(run): None for line in lines if (words := _words(line)) for run in _runs(words) or [words]}
    return [" ".join(run) for run in shown if not any(part.has(run) for part in parts)]


def _words(text: str) -> list[str]:
    return WORDS.findall(unicodedata.normalize("NFKC", text).lower())


def _runs(words: list[str]) -> list[list[str]]:
    return [words[i : i + RUN] for i in range(len(words) - RUN + 1)]
