"""Collect what the XML of Word (ECMA-376) and of OpenDocument (ISO/IEC 26300) shows or hides, by place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from screening.decode.anchors import Anchors
from screening.decode.assembly import check_length
from screening.decode.limits import Limits
from screening.decode.texts.flow import Key, tidy
from screening.decode.texts.shown import Shown

MAIN: Key = ("main", "rest")  # (the reader gives it its role)
FILES: Mapping[str, Key] = {  # by the outermost element of a file
    "document": MAIN, "document-content": MAIN, "hdr": ("header", "rest"), "ftr": ("footer", "rest"),
    "footnotes": ("footnotes", "rest"), "endnotes": ("footnotes", "rest"), "comments": ("comments", "rest"),
    "glossaryDocument": ("hidden", "hidden"), "chartSpace": ("chart", "rest"), "dataModel": ("diagram", "rest"),
    "drawing": ("diagram", "rest"), "document-styles": ("styles", "rest"),
    "coreProperties": ("facts", "rest"), "document-meta": ("facts", "rest"),
}  # fmt: skip
INNER: Mapping[str, Key] = {  # by an element within a file
    "del": ("deleted", "hidden"), "moveFrom": ("deleted", "hidden"), "tracked-changes": ("deleted", "hidden"),
    "Fallback": ("alternative", "rest"), "annotation": ("comments", "rest"), "note": ("footnotes", "rest"),
    "header": ("header", "rest"), "header-left": ("header", "rest"), "header-first": ("header", "rest"),
    "footer": ("footer", "rest"), "footer-left": ("footer", "rest"), "footer-first": ("footer", "rest"),
    "hidden-text": ("hidden", "hidden"), "hidden-paragraph": ("hidden", "hidden"),
}  # fmt: skip
SPOKEN = frozenset(("t", "delText", "v"))  # what holds text in Office's files
BLOCKS = frozenset(("p", "h"))  # what holds it in OpenDocument's, with all that is in them but these
UNSPOKEN = frozenset(("creator", "creator-initials", "date", "date-string", "binary-data", "script"))
ALT = frozenset(("title", "desc"))  # of a drawing
AROUND = {"p": "\n\n", "h": "\n\n", "tr": "\n", "table-row": "\n", "tc": "\t", "table-cell": "\t", "pt": "\n"}
ALONE = {"br": "\n", "cr": "\n", "line-break": "\n", "tab": "\t", "s": " ", "noBreakHyphen": "-"}
DESCRIBED = ("descr", "title", "alt", "string", "displayText", "placeholder")
DESCRIBING = frozenset(("docPr", "cNvPr", "shape", "imagedata", "textpath", "listItem", "tblCaption", "tblDescription"))
OPEN = ("document-content", "document-styles", "document-meta")
WHITE = re.compile(r"\s+")
NO = ("0", "false", "off")
STYLED = ("rStyle", "pStyle")
FIELD = re.compile(r'HYPERLINK\s+"([^"]+)"')  # a link as Word writes it in the code of a field


class Words:
    """The events of all the files of one document; `within` begins a file."""

    def __init__(self, limits: Limits) -> None:
        self.is_locked = False
        self._limits = limits
        self._made = Shown()
        self._pieces: list[tuple[Key, str]] = []
        self._open: list[tuple[str, Key | None]] = []  # with the place of what is in it, or none
        self._anchors = Anchors()
        self._targets: dict[str, str] = {}  # addresses by the file and the id that stand for them
        self._hidden: set[str] = set()  # names of styles
        self._style = self._file = ""
        self._is_open = False
        self._characters = self._blocks = 0

    def within(self, file: str) -> Words:
        """Begin a file of that path."""
        self._file = file
        self._open.clear()
        self._blocks = 0
        return self

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the begin of an element."""
        above = self._open[-1][1] if self._open else self._root(name)
        self.is_locked |= name == "encryption-data"
        key = INNER.get(name, above) if above and above[1] != "hidden" else above
        if name == "style":
            self._style = attributes.get("styleId") or attributes.get("name", "")
        elif name in STYLED:
            if attributes.get("val") in self._hidden:
                self._hide()
        elif name == "vanish" and attributes.get("val", "").lower() not in NO:
            self._hide()
        elif attributes.get("display") == "none":  # of OpenDocument: a section, or the style that it is in
            if name == "text-properties":
                self._hidden.add(self._style)
            else:
                key = ("hidden", "hidden")
        if attributes.get("style-name") in self._hidden:
            key = ("hidden", "hidden")
        self._link(name, attributes, key)
        if key and name in DESCRIBING:
            self._describe(name, attributes, key)
        if key and (gap := AROUND.get(name) or ALONE.get(name)):
            self._pieces.append((key, gap))
        if key and (text := attributes.get("string-value")):
            self._say(key, text)
        self._blocks += name in BLOCKS
        self._open.append((name, key))

    def end(self, name: str) -> None:
        """Take the end of an element."""
        _, key = self._open.pop()
        self._blocks -= name in BLOCKS
        self._anchors.end("a" if name == "hyperlink" else name)
        if key and name in AROUND:
            self._pieces.append((key, AROUND[name]))

    def data(self, text: str) -> None:
        """Take some text."""
        name, key = self._open[-1]
        if key is None:
            return
        if name == "instrText":
            for found in FIELD.finditer(text):
                self._anchors.begin(key[0], found[1])
                self._anchors.end("a")
        if key[0] == "facts":
            self._fact(name, text)
        elif name in ALT:
            self._other("alt", key, text)
        elif not self._is_open:
            if name in SPOKEN:
                self._say(key, text)
        elif self._blocks and name not in UNSPOKEN:
            self._say(key, WHITE.sub(" ", text))

    def shown(self) -> Shown:
        """Return what all files show and hide; the text is that of the main file."""
        made = self._made
        made.text = tidy("".join(text for key, text in self._pieces if key == MAIN))
        keys = dict.fromkeys(key for key, _ in self._pieces)
        texts = ((key, tidy("".join(text for own, text in self._pieces if own == key))) for key in keys)
        made.flow = [(key, text) for key, text in texts if text]
        made.links = list(self._anchors.links(self._targets))
        return made

    def _root(self, name: str) -> Key | None:
        key = FILES.get(name)
        self._is_open = name in OPEN
        inner = name == "document-content" and "/" in self._file  # an object, such as a formula
        return ("object", "rest") if inner else key

    def _hide(self) -> None:
        """Hide the run or the paragraph that is open, whose properties are being read."""
        names = [name for name, _ in self._open]
        if names[-1:] == ["rPr"] and names[-2:-1] == ["style"]:
            self._hidden.add(self._style)
        elif names[-2:] in (["r", "rPr"], ["p", "pPr"]):
            for place in (-2, -1):
                self._open[place] = (self._open[place][0], ("hidden", "hidden"))

    def _say(self, key: Key, text: str) -> None:
        self._characters += len(text)
        check_length(self._characters, self._limits)
        self._pieces.append((key, text))
        if key[1] != "hidden":
            self._anchors.data(text)

    def _link(self, name: str, attributes: Mapping[str, str], key: Key | None) -> None:
        """Take the begin of a link, or, in a file beside, what its id stands for."""
        if name == "Relationship" and attributes.get("TargetMode") == "External":
            of = self._file.replace("_rels/", "").removesuffix(".rels")
            self._targets[f"{of}#{attributes.get('Id', '')}"] = attributes.get("Target", "")
        elif key and name == "hyperlink":
            self._anchors.begin(key[0], f"{self._file}#{attributes.get('id', '')}")
        elif key and name == "a":
            self._anchors.begin(key[0], attributes.get("href", ""))

    def _describe(self, name: str, attributes: Mapping[str, str], key: Key) -> None:
        for each in (*DESCRIBED, *(("val",) if name.startswith("tbl") else ())):
            if text := attributes.get(each):
                self._other("form" if name == "listItem" else "alt", key, text)

    def _other(self, place: str, key: Key, text: str) -> None:
        if line := " ".join(text.split()):
            self._made.others.setdefault((place, key[1]), []).append(line)

    def _fact(self, name: str, text: str) -> None:
        if name == "title":
            self._made.title += text
        elif name == "language":
            self._made.language = text
        elif name in ("description", "subject", "keywords", "keyword"):
            self._other("description", ("", "rest"), text)
