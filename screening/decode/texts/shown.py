"""Collect everything that HTML shows or hides, by place, and count how much work the page would be for finer tools.

Both come from the parser's events, whose cost is linear; a tree of the page costs the square of a tag's attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import unquote

from lxml import etree

from screening.decode.texts.embedded import File, opened
from screening.decode.texts.places import LINKS, PLACES, SILENT, attributes_shown, is_hidden
from screening.decode.texts.scripts import prose, script_texts
from screening.decode.texts.styles import read_style
from screening.errors import UploadError
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
MAX_DEPTH = 256  # nested elements; libxml2's trees stop there and silently drop all the rest
NODE = 32  # characters that an element counts for besides its text
EMPTY = re.compile(r"\n\s*\n")
BLANK = re.compile(r"\n[ \n]*\n")
SPACES = re.compile(r"[^\S\n]+")

Key = tuple[str, Role]  # where a text stands, and whether it is shown


@dataclass(slots=True)
class Shown:
    """What a page shows: the text of its body, texts by place and role, and counts of the work for finer tools.

    `text` is all that a browser shows in the flow of the page, with a blank line between blocks. `flow` is all text in
    elements, cut up by place. `others` are texts that stand outside the flow, in attributes and in the head. `frames`
    is the HTML of frames inside the page, `files` what its data URIs hold. `leads_away` says that the page sends its
    reader to another one.

    `elements` counts all elements, `attributes` is the most that one of them has. `joins` counts the characters that a
    tool moves if it drops inline and empty elements one by one and joins the text around each.
    """

    text: str = ""
    title: str = ""
    language: str = ""
    flow: list[tuple[Key, str]] = field(default_factory=list)
    others: dict[Key, list[str]] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
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
        self._raw: list[str] = []  # what the style or script says that is open
        self._attributes: dict[str, list[str]] = {}
        self._asked: set[str] = set()  # attributes that a style shows
        self._open: list[tuple[str, Key]] = []
        self._in_cell: list[bool] = [True]
        self._kept = 0  # open elements that keep their lines
        self._fostered: list[str] = []  # text that stands in a table outside of its cells, and is shown before it
        self._run = self._outer = 0  # characters since the last block that has text, and before an empty one
        self._bare = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        made = self.made
        place, role = self._open[-1][1] if self._open else ("page", "rest")
        place = PLACES.get(tag, place)
        if role != "hidden" and is_hidden(tag, attributes):
            place, role = "hidden", "hidden"
        self._open.append((tag, (place, role)))
        self._kept += tag in KEPT
        self._in_cell.append(tag in ("td", "th", "caption") or (self._in_cell[-1] and tag not in TABLES))
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
        if attributes:
            self._look_at(tag, attributes, role)

    def end(self, tag: str) -> None:
        _, key = self._open.pop()
        self._in_cell.pop()
        self._kept -= tag in KEPT
        if tag in SILENT:
            self._read_raw(tag, key[1])
        elif tag in CELLS:
            self._pieces.append((key, " "))
        elif tag in GAPS:
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
        elif tag in SILENT:
            self._raw.append(text)
        else:
            self._pieces.append((key, text if self._kept else _in_line(text)))
            if not self._in_cell[-1]:
                self._fostered.append(text)

    def comment(self, text: str) -> None:
        if text.startswith("[CDATA["):  # text in a drawing, a formula or XHTML
            self.data(text[7:].removesuffix("]]"))
        else:
            self._add("comment", "hidden", text)
            self._ends_early(text)

    def close(self) -> None:
        """Do nothing at the end of the page; the interface asks for this method."""

    def finished(self) -> Shown:
        made = self.made
        self._add("style", "rest", *(text for name in sorted(self._asked) for text in self._attributes.get(name, ())))
        self._add("page", "rest", "".join(self._fostered))
        made.flow = [(key, text) for key, own in _runs(self._pieces) if (text := _tidy(own))]
        in_flow = (text for (place, role), text in self._pieces if role != "hidden" and place != "fallback")
        made.text = _tidy("".join(in_flow))
        made.title = "".join(self._title).strip()
        return made

    def _look_at(self, tag: str, attributes: Mapping[str, str], role: Role) -> None:
        for place, hides, text in attributes_shown(tag, attributes):
            self._add(place, "hidden" if hides else role, text)
        for name, value in attributes.items():
            self._attributes.setdefault(name, []).append(value)
            self._ends_early(value)
            if name == "style":
                self._style(value, role)
            elif name.startswith("on"):
                self._add("script", "hidden", *script_texts(value))
            elif name.startswith("data-"):
                self._add("script", "hidden", *prose(value))
            elif name in LINKS and (file := opened(value)):
                self.made.files.append(file)
            elif name in LINKS and value.lstrip()[:11].lower() == "javascript:":
                self._add("script", "hidden", *script_texts(unquote(value)))
        if tag == "iframe" and "srcdoc" in attributes:
            self.made.frames.append(attributes["srcdoc"])
        elif tag == "html":
            self.made.language = attributes.get("lang", "")
        elif tag == "meta" and attributes.get("http-equiv", "").strip().lower() == "refresh":
            self.made.leads_away |= "url" in attributes.get("content", "").lower()

    def _read_raw(self, tag: str, role: Role) -> None:
        text = "".join(self._raw)
        self._raw.clear()
        self._ends_early(text)
        if "<" in text and any(around in ("svg", "math") for around, _ in self._open):
            self.made.frames.append(text)  # browsers read elements here
        if tag == "style":
            self._style(text, role)
        else:
            self._add("script", "hidden", *script_texts(text))

    def _style(self, text: str, role: Role) -> None:
        style = read_style(text)
        self._add("style", role, *style.texts)
        self._asked |= style.attributes
        self.made.files += filter(None, map(opened, style.files))

    def _ends_early(self, text: str) -> None:
        """Look at what follows in a browser, which runs scripts and so sees no elements within `noscript`."""
        if "</noscript" in text.lower():
            self.made.frames.append(text)

    def _add(self, place: str, role: Role, *texts: str) -> None:
        for text in texts:
            if line := " ".join(text.split()):
                self.made.others.setdefault((place, role), []).append(line)

    def _join(self) -> None:
        self._run += NODE
        self.made.joins += self._run


def _runs(pieces: list[tuple[Key, str]]) -> Iterator[tuple[Key, str]]:
    for key, run in groupby(pieces, key=lambda piece: piece[0]):
        yield key, "".join(text for _, text in run)


def _in_line(text: str) -> str:
    """Return a text whose blank lines are only blanks, as in most elements."""
    core = EMPTY.sub("\n", text.strip())
    return f"{' ' * text[:1].isspace()}{core}{' ' * text[-1:].isspace()}" if core else " "


def _tidy(text: str) -> str:
    lines = (SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return BLANK.sub("\n\n", "\n".join(lines)).strip()
