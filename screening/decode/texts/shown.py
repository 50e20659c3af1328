"""Collect everything that HTML shows or hides, by place, and count how much work the page would be for finer tools.

Both come from the parser's events, whose cost is linear; a tree of the page costs the square of a tag's attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from screening.decode.anchors import Anchors
from screening.decode.texts.embedded import File
from screening.decode.texts.flow import (
    CELLS,
    GAPS,
    KEPT,
    TABLES,
    Key,
    Pieces,
    in_line,
    is_shown,
    runs,
    short,
    spelled,
    tidy,
)
from screening.decode.texts.places import OVERRIDE, PLACES, RIGHT_TO_LEFT, SILENT, is_hidden, is_turned
from screening.decode.texts.sources import Sources
from screening.errors import UploadError

MAX_DEPTH = 256  # nested elements; libxml2's trees stop there and silently drop all the rest
NODE = 32  # characters that an element counts for besides its text


@dataclass(slots=True)
class Shown:
    """What a page shows: the text of its body, texts by place and role, and counts of the work for finer tools.

    `text` is all that a browser shows in the flow of the page, with a blank line between blocks. `flow` is all text in
    elements, cut up by place. `others` are texts that stand outside the flow, in attributes and in the head. `frames`
    is the HTML of frames inside the page, `files` what its data URIs hold. `leads_away` says that the page sends its
    reader to another one. `links` are the places, the addresses and the texts of its links.

    `elements` counts all elements, `attributes` is the most that one of them has. `joins` counts the characters that a
    tool moves if it drops inline and empty elements one by one and joins the text around each.
    """

    text: str = ""
    title: str = ""
    language: str = ""
    flow: Pieces = field(default_factory=list)
    others: dict[Key, list[str]] = field(default_factory=dict)
    frames: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    leads_away: bool = False
    links: list[tuple[str, str, str]] = field(default_factory=list)
    elements: int = 0
    attributes: int = 0
    joins: int = 0


def shown(markup: str) -> Shown:
    """Return what a page shows. Raises UploadError `too_deep`."""
    page = _Page()
    page.sources.declared(markup)
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
        self.sources = Sources()
        self._pieces: Pieces = []
        self._title: list[str] = []
        self._raw: list[str] = []  # what the style or script says that is open
        self._open: list[tuple[str, Key]] = []
        self._in_cell: list[bool] = [True]
        self._apart: list[str] = [""]  # how the open elements' text is read besides: in "ruby", or "turned" around
        self._read_apart: dict[str, list[str]] = {"ruby": [], "turned": []}
        self._turns = False  # whether a style turns text around, wherever that may be
        self._anchors = Anchors()
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
        apart = "ruby" if tag == "ruby" else "turned" if is_turned(tag, attributes) else self._apart[-1]
        self._apart.append("" if tag in ("rt", "rp") and apart == "ruby" else apart)
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
            self.sources.attributes(tag, attributes, role)
            self._anchors.start(tag, attributes, place)
            if tag == "html":
                made.language = attributes.get("lang", "")

    def end(self, tag: str) -> None:
        _, key = self._open.pop()
        self._anchors.end(tag)
        self._in_cell.pop()
        if self._apart.pop() != self._apart[-1]:
            self._read_apart["turned"].append("\n")
        self._kept -= tag in KEPT
        if tag in SILENT:
            raw = "".join(self._raw)
            self._turns = self._turns or (tag == "style" and bool(OVERRIDE.search(raw)))
            self.sources.raw(tag, raw, key[1], {around for around, _ in self._open})
            self._raw.clear()
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
            self._pieces.append((key, text if self._kept else in_line(text)))
            if apart := self._apart[-1]:
                self._read_apart[apart].append(text)
            if key[1] != "hidden":
                self._anchors.data(text)
            if not self._in_cell[-1]:
                self._fostered.append(text)

    def comment(self, text: str) -> None:
        if text.startswith("[CDATA["):  # text in a drawing, a formula or XHTML
            self.data(text[7:].removesuffix("]]"))
        else:
            self.sources.add("comment", "hidden", text)
            self.sources.ends_early(text)

    def close(self) -> None:
        """Do nothing at the end of the page; the interface asks for this method."""

    def finished(self) -> Shown:
        made, sources = self.made, self.sources
        made.flow = list(runs(self._pieces))
        in_flow = [text for key, text in self._pieces if is_shown(key)]
        made.text = tidy("".join(in_flow))
        sources.finish()
        sources.add("page", "rest", "".join(self._fostered), *spelled(in_flow), *short(made.flow), *self._otherwise())
        made.others, made.frames, made.files = sources.others, sources.frames, sources.files
        made.leads_away = sources.leads_away
        made.links = list(self._anchors.links())
        made.title = "".join(self._title).strip()
        return made

    def _join(self) -> None:
        self._run += NODE
        self.made.joins += self._run

    def _otherwise(self) -> Iterator[str]:
        """Yield the words that small signs stand above, without these, and what is shown from right to left."""
        yield "".join(self._read_apart["ruby"])
        turned = self.made.text if self._turns else "".join(self._read_apart["turned"])
        lines = turned.split("\n")
        yield "\n".join(line[::-1] for line in lines if not RIGHT_TO_LEFT.search(line))
