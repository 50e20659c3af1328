"""How the text of a page flows: where a browser begins a block or a line, and how its pieces become texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from screening.records import Role

BLOCKS = (
    "address", "article", "aside", "blockquote", "caption", "center", "dd", "details", "dialog", "dir", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
    "hr", "legend", "listing", "main", "marquee", "menu", "nav", "ol", "p", "plaintext", "pre", "search", "section",
    "summary", "table", "ul", "xmp",
)  # fmt: skip
LINES = ("br", "li", "tr", "option", "optgroup")
CELLS = ("td", "th", "text")
KEPT = frozenset(("pre", "textarea", "listing", "xmp", "plaintext"))  # here a line of the source is one of the page
TABLES = frozenset(("table", "thead", "tbody", "tfoot", "tr"))
GAPS = {**dict.fromkeys(BLOCKS, "\n\n"), **dict.fromkeys(LINES, "\n")}
FEW = 5  # words in a place, or letters in elements of their own
MENU = 2  # short texts beside each other that are ordinary, such as a menu and a headline
SPACE = " \t\n\r\f"
EMPTY = re.compile(r"\n[ \t\n\r\f]*\n")
BLANK = re.compile(r"\n[ \n]*\n")
SPACES = re.compile(r"[^\S\n]+")

Key = tuple[str, Role]  # where a text stands, and whether it is shown
Pieces = list[tuple[Key, str]]


def is_shown(key: Key) -> bool:
    """Return whether a browser shows what stands there."""
    return key[1] != "hidden" and key[0] != "fallback"


def spelled(texts: list[str]) -> Iterator[str]:
    """Yield what stands letter by letter in elements of their own, which a style can set side by side."""
    texts = [text for text in texts if text.strip(" \n")]
    for one_by_one, letters in groupby(texts, lambda text: (text.isalpha() and len(text) == 1) or text == "\xa0"):
        if one_by_one and len(word := "".join(letters)) >= FEW:
            yield word


def short(flow: Pieces) -> Iterator[str]:
    """Yield what stands in a few words each in several places, which a style can make one sentence."""
    together: list[str] = []
    for text in (text for key, text in flow if is_shown(key)):
        if not _few(text):
            blocks = text.split("\n\n")
            if len(together := [*together, *filter(_few, blocks[:1])]) > MENU:
                yield " ".join(together)
            together = []
            text = blocks[-1]
        together += filter(_few, [text])
    if len(together) > MENU:
        yield " ".join(together)


def _few(text: str) -> bool:
    return len(text.split(maxsplit=FEW)) < FEW


def runs(pieces: Pieces) -> Iterator[tuple[Key, str]]:
    """Yield the texts of a page, cut up where the place or the role changes."""
    for key, run in groupby(pieces, key=lambda piece: piece[0]):
        if text := tidy("".join(text for _, text in run)):
            yield key, text


def in_line(text: str) -> str:
    """Return a text whose blank lines are only blanks, as in most elements."""
    core = EMPTY.sub("\n", text.strip(SPACE))
    return f"{' ' * (text[0] in SPACE)}{core}{' ' * (text[-1] in SPACE)}" if core else " "


def tidy(text: str) -> str:
    """Return a text with single blanks, and at most one empty line between its lines."""
    lines = (SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return BLANK.sub("\n\n", "\n".join(lines)).strip()
