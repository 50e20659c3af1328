"""Tell which texts of a document have been read already, so that none is scored twice and none is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

WORDS = re.compile(r"\w+")
RUN = 5  # words; a text has been read if each run of so many of its words has been


class Read:
    """The texts that were read so far. Its cost is linear in their length."""

    def __init__(self) -> None:
        self._runs: set[int] = set()
        self._lines: set[str] = set()

    def add(self, text: str) -> None:
        """Add a text."""
        for line in text.split("\n"):
            self._lines.add(_plain(line))
        self._runs.update(_runs(text))

    def covers(self, block: str) -> bool:
        """Return whether a text has been read: all its runs of words, or, if it is shorter, all its lines."""
        if runs := list(_runs(block)):
            return all(run in self._runs for run in runs)
        return all(_plain(line) in self._lines for line in block.split("\n"))

    def unread(self, blocks: Iterable[str]) -> Iterator[str]:
        """Yield the blocks that were not read yet, and add each."""
        for block in blocks:
            if block.strip() and not self.covers(block):
                self.add(block)
                yield block


def _runs(text: str) -> Iterator[int]:
    words = WORDS.findall(text.lower())
    return (hash(run) for run in zip(*(words[i:] for i in range(RUN)), strict=False))


def _plain(line: str) -> str:
    return " ".join(WORDS.findall(line.lower()))
