"""Collect everything that HTML shows or hides, by place, and count how much work the page would be for finer tools.

Both come from the parser's events, whose cost is linear; a tree of the page costs the square of a tag's attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from lxml import etree

from screening.decode.texts.places import PLACES, SILENT, attributes_shown, is_hidden
from screening.errors import UploadError
from screening.records import Role

BLOCKS = (
    "address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre",
    "section", "table", "ul",
)  # fmt: skip
LINES = ("br", "li", "tr", "option")
GAPS = {**dict.fromkeys(BLOCKS, "\n\n"), **dict.fromkeys(LINES, "\n")}
MAX_DEPTH = 256  # nested elements; libxml2's trees stop there and silently drop all the rest
NODE = 32  # characters that an element counts for besides its text
BLANK = re.compile(r"\n[ \n]*\n")
SPACES = re.compile(r"[^\S\n]+")
CONTENT = re.compile(r"""content\s*:\s*(?:"([^"\\]{2,})"|'([^'\\]{2,})')""")  # text that a style puts into the page

Key = tuple[str, Role]  # where a text stands, and whether it is shown


@dataclass(slots=True)
class Shown:
    """What a page shows: the text of its body, texts by place and role, and counts of the work for finer tools.

    `text` is all that a browser shows in the flow of the page, with a blank line between blocks. `flow` is all text in
    elements, cut up by place. `others` are texts that stand outside the flow, in attributes and in the head. `frames`
    is the HTML of frames inside the page. `leads_away` says that the page sends its reader to another one.

    `elements` counts all elements, `attributes` is the most that one of them has. `joins` counts the characters that a
    tool moves if it drops inline and empty elements one by one and joins the text around each.
    """

    text: str = ""
    title: str = ""
    language: str = ""
    flow: list[tuple[Key, str]] = field(default_factory=list)
    others: dict[Key, list[str]] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)
    leads_away: bool = False
    elements: int = 0
    attributes: int = 0
    joins: int = 0


def shown(markup: str) -> Shown:
    """Return what a page shows. Raises UploadError `too_deep`."""
    page = _Page()
    parser = etree.HTMLParser(target=page, encoding="utf-8", remove_pis=True)
    try:
        etree.fromstring(markup.encode(), parser)
    except etree.XMLSyntaxError:
        if page.made.elements:
            raise
        return page.made  # the page is empty, without even an element
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise UploadError("too_deep", "HTML beyond the parser's limits")
    return page.finished()


class _Page:
    """Collects the parser's events (lxml's parser target interface)."""

    def __init__(self) -> None:
        self.made = Shown()
        self._pieces: list[tuple[Key, str]] = []
        self._title: list[str] = []
        self._open: list[tuple[str, Key]] = []
        self._run = self._outer = 0  # characters since the last block that has text, and before an empty one
        self._bare = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        made = self.made
        before = place, role = self._open[-1][1] if self._open else ("page", "rest")
        place = PLACES.get(tag, place)
        if role != "hidden" and is_hidden(tag, attributes):
            place, role = "hidden", "hidden"
        self._open.append((tag, (place, role)))
        if len(self._open) > MAX_DEPTH:
            raise UploadError("too_deep", f"HTML deeper than {MAX_DEPTH} levels")
        made.elements += 1
        made.attributes = max(made.attributes, len(attributes))
        if tag in GAPS:
            if not self._bare:
                self._outer = self._run
            self._run, self._bare = 0, True
            self._pieces.append(((place, role), GAPS[tag]))
        else:
            self._join()
            self._bare = False
            if (place, role) != before:
                self._pieces.append(((place, role), "\n\n"))
        if attributes:
            self._look_at(tag, attributes, role)

    def end(self, tag: str) -> None:
        _, key = self._open.pop()
        if tag in GAPS:
            self._run = 0
            if self._bare:
                self._run = self._outer
                self._join()
                self._outer = self._run
            self._pieces.append((key, GAPS[tag]))

    def data(self, text: str) -> None:
        self._run += len(text)
        self._bare = False
        tag, key = self._open[-1] if self._open else ("", ("page", "rest"))
        if tag == "title" and len(self._open) > 1 and self._open[-2][0] == "head":
            self._title.append(text)
        elif tag not in SILENT:
            self._pieces.append((key, text))
        elif tag == "style":
            self._add("style", key[1], *style_texts(text))

    def comment(self, text: str) -> None:
        self._add("comment", "hidden", text)

    def close(self) -> None:
        """Do nothing at the end of the page; the interface asks for this method."""

    def finished(self) -> Shown:
        made = self.made
        made.flow = [(key, text) for key, own in _runs(self._pieces) if (text := tidy(own))]
        in_flow = (text for (place, role), text in self._pieces if role != "hidden" and place != "fallback")
        made.text = tidy("".join(in_flow))
        made.title = "".join(self._title).strip()
        return made

    def _look_at(self, tag: str, attributes: Mapping[str, str], role: Role) -> None:
        for place, hides, text in attributes_shown(tag, attributes):
            self._add(place, "hidden" if hides else role, text)
        if style := attributes.get("style"):
            self._add("style", role, *style_texts(style))
        if tag == "iframe" and "srcdoc" in attributes:
            self.made.frames.append(attributes["srcdoc"])
        elif tag == "html":
            self.made.language = attributes.get("lang", "")
        elif tag == "meta" and attributes.get("http-equiv", "").strip().lower() == "refresh":
            self.made.leads_away |= "url" in attributes.get("content", "").lower()

    def _add(self, place: str, role: Role, *texts: str) -> None:
        for text in texts:
            if line := " ".join(text.split()):
                self.made.others.setdefault((place, role), []).append(line)

    def _join(self) -> None:
        self._run += NODE
        self.made.joins += self._run


def style_texts(style: str) -> list[str]:
    """Return the texts that a style puts into the page."""
    return [one or other for one, other in CONTENT.findall(style)]


def _runs(pieces: list[tuple[Key, str]]) -> Iterator[tuple[Key, str]]:
    for key, run in groupby(pieces, key=lambda piece: piece[0]):
        yield key, "".join(text for _, text in run)


def tidy(text: str) -> str:
    """Return a text without needless white space, and with at most one blank line between its blocks."""
    lines = (SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return BLANK.sub("\n\n", "\n".join(lines)).strip()
