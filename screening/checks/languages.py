"""Find the paragraphs that are in a language which no classifier reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

import pycld2

from screening.checks.text import UNFIT, iso
from screening.content import Document, Text

LETTER = re.compile(r"[^\W\d_]")
OTHER = re.compile(r"[^\W\d_\u0000-\u024f]")  # letters of other scripts than Latin
ADDRESS = re.compile(r"\S*(?:://|www\.|@|\w\.(?:com|org|net|io|dev))\S*")  # no words of any language
# Letters from which on CLD2 is right about Latin script: with fewer, lists of names pass for other languages.
LEAST, LEAST_OTHER = 80, 15
# Percent of a paragraph that CLD2 must give a language: of short lines, which may be a list of names; of a line; of a
# long line, in which a whole sentence may be in another language.
SURE, WHOLE, SOME = 85, 70, 40


class Unread(NamedTuple):
    """A paragraph that no classifier reads: its part, its characters there, and its language (ISO 639-1, or `und`)."""

    place: str
    start: int
    end: int
    language: str


def unread(document: Document, languages: Collection[str]) -> Iterator[Unread]:
    """Yield the paragraphs of all texts that are in none of the `languages`, which are ISO 639-1 codes."""
    for part in document.parts:
        if isinstance(part.content, Text):
            for start, end in _paragraphs(part.content.text):
                if found := _foreign(part.content.text[start:end], languages):
                    yield Unread(part.place, start, end, found)


def said_of(found: Collection[Unread]) -> str:
    """Return in words which languages nobody reads, and where the first paragraph of each is."""
    counted = Counter(each.language for each in found)
    first = {each.language: each for each in reversed(list(found))}
    return "; ".join(
        f"{counted[language]} × {language}, first in {each.place}, characters {each.start}-{each.end}"
        for language, each in first.items()
    )


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Yield lines of some length, and runs of shorter ones, as start and end."""
    begins = place = letters = 0
    for line in text.split("\n"):
        own = len(LETTER.findall(line))
        if own >= LEAST and letters:  # a long line stands for itself
            yield begins, place
            begins, letters = place, 0
        letters += own
        place += len(line) + 1
        if letters >= LEAST:
            yield begins, place - 1
            begins, letters = place, 0
    if letters:
        yield begins, len(text)


def _foreign(paragraph: str, languages: Collection[str]) -> str:
    """Return the language of a paragraph that is surely in none of the languages, or ""."""
    letters, others = len(LETTER.findall(paragraph)), len(OTHER.findall(paragraph))
    other_script = others >= LEAST_OTHER and 2 * others > letters
    if letters < LEAST and not other_script:
        return ""
    bare = ADDRESS.sub(" ", UNFIT.sub(" ", paragraph))
    sure, _, found = pycld2.detect(bare, bestEffort=other_script)
    shares = {iso(code): percent for _, code, percent, _ in found}
    foreign = {code: percent for code, percent in shares.items() if code not in (*languages, "und")}
    code = max(foreign, key=lambda code: foreign[code], default="und")
    lines = "\n" in paragraph.strip()
    if other_script and not any(each in languages for each in shares):
        return "" if lines and foreign.get(code, 100) < SOME else code  # a list of many languages is no text in one
    needed = SURE if lines else WHOLE if letters < 4 * LEAST else SOME
    return code if sure and foreign.get(code, 0) >= needed and _second(bare) == code else ""


def _second(paragraph: str) -> str:
    """Return what py3langid takes the language for: it shares few errors with CLD2, least of all about names."""
    import py3langid  # takes half a second, and few paragraphs come so far

    code: str = py3langid.classify(paragraph)[0]
    return {"no": "nb"}.get(code, code)
