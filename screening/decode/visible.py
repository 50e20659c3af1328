"""Extract the text that a browser would show of HTML, and count how much work the page would be for finer tools.

Both come from the parser's events, whose cost is linear; a tree of the page costs the square of a tag's attributes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from screening.errors import UploadError

HIDDEN = frozenset(
    ("head", "script", "style", "template", "svg", "math", "iframe", "object", "noembed", "noframes")
)  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class Visible:
    """The text that a page shows, its title, and counts of the work that it would be for finer tools.

    `elements` counts all elements, `attributes` is the most that one of them has. `joins` counts the characters that
    a tool moves if it drops inline and empty elements one by one and joins the text around each.
    """

    text: str
    title: str
    elements: int
    attributes: int
    joins: int


def visible(markup: str) -> Visible:
    """Return all text that a browser would show, with a blank line between blocks. Raises UploadError `too_deep`."""
    page = _Page()
    parser = etree.HTMLParser(target=page, encoding="utf-8", remove_pis=True)
    try:
        etree.fromstring(markup.encode(), parser)
    except etree.XMLSyntaxError:
        if page.elements:
            raise
        return Visible("", "", 0, 0, 0)  # the page is empty, without even an element
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise UploadError("too_deep", "HTML beyond the parser's limits")
    lines = (SPACES.sub(" ", line).strip() for line in "".join(page.shown).split("\n"))
    text = BLANK.sub("\n\n", "\n".join(lines)).strip()
    return Visible(text, "".join(page.title).strip(), page.elements, page.attributes, page.joins)


class _Page:
    """Collects the parser's events (lxml's parser target interface)."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.title: list[str] = []
        self.elements = self.attributes = self.joins = 0
        self._open: list[str] = []
        self._hidden = 0
        self._run = self._outer = 0  # characters since the last block that has text, and before an empty one
        self._bare = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH:
            raise UploadError("too_deep", f"HTML deeper than {MAX_DEPTH} levels")
        self.elements += 1
        self.attributes = max(self.attributes, len(attributes))
        if tag in GAPS:
            if not self._bare:
                self._outer = self._run
            self._run, self._bare = 0, True
            self._gap(tag)
        else:
            self._join()
            self._bare = False
            self._hidden += tag in HIDDEN

    def end(self, tag: str) -> None:
        self._open.pop()
        if tag in GAPS:
            self._run = 0
            if self._bare:
                self._run = self._outer
                self._join()
                self._outer = self._run
            self._gap(tag)
        else:
            self._hidden -= tag in HIDDEN

    def data(self, text: str) -> None:
        self._run += len(text)
        self._bare = False
        if not self._hidden:
            self.shown.append(text)
        elif self._open[-2:] == ["head", "title"]:
            self.title.append(text)

    def close(self) -> None:
        """Do nothing at the end of the page; the interface asks for this method."""

    def _join(self) -> None:
        self._run += NODE
        self.joins += self._run

    def _gap(self, tag: str) -> None:
        if not self._hidden:
            self.shown.append(GAPS[tag])
