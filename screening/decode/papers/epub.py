"""Decode EPUB (ISO/IEC 23761): the chapters of a book in their order, and all else that stands in the archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from posixpath import dirname, join, normpath
from urllib.parse import unquote

from screening.content import Document
from screening.content.kinds import EPUB
from screening.decode.archive import unpack
from screening.decode.assembly import check_length
from screening.decode.limits import Fields, Limits
from screening.decode.papers.xml import Budget
from screening.decode.sniff import Sniffed, examine
from screening.decode.texts.embedded import File, lift
from screening.decode.texts.reader import PAGES, Reader
from screening.decode.texts.shown import Shown, shown
from screening.errors import UploadError

# EPUB 3.3 § 4.2.4: fonts are hidden by these, which need no key; all others do
OBFUSCATIONS = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))
LOCKS, PACKAGE = "META-INF/encryption.xml", ".opf"
CHAPTERS = (".xhtml", ".html", ".htm", ".xml", ".ncx")
MARKUP = 4  # characters of markup for each that a document may have
VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
))  # fmt: skip
EMPTY = re.compile(r"""<([a-zA-Z][\w:.-]*)((?:[^<>"'/]|/(?!>)|"[^"]*"|'[^']*')*+)/>""")
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)


def epub(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return a book: the text of its chapters, its title, what else its pages show or hide, and its pictures.

    Raises UploadError with `encrypted`, `too_large`, `too_complex`, `too_deep`, `no_text` or `undecodable`.
    """
    files = dict(unpack(sniffed.data, limits))
    budget = Budget(limits)
    if LOCKS in files:
        budget.parse(files[LOCKS], _Locks())
    book = _Package()
    for name in [name for name in files if name.endswith(PACKAGE) and not name.startswith("__MACOSX/")]:
        budget.parse(files.pop(name), book.within(name))
    pages = {name: files.pop(name) for name in book.chapters() if name in files}
    others = {name: files.pop(name) for name in list(files) if _is_page(name, files[name])}
    reader = Reader(EPUB, limits)
    left = MARKUP * limits.max_text_chars
    read: list[Shown] = []
    for data in (*pages.values(), *others.values()):
        text = examine(data).text
        if data and not text:
            raise UploadError("undecodable", f"a chapter that is {examine(data).media_type}")
        markup, inner = lift(as_html(text))
        left -= len(markup)
        if left < 0:
            raise UploadError(
                "too_large", f"more than {MARKUP * limits.max_text_chars} characters of markup, the limit"
            )
        read.append(shown(markup))
        reader.files(inner)
    main = [page.text for page in read[: len(pages)]]
    check_length(sum(map(len, main)), limits)
    reader.main("\n\n".join(filter(None, main)), book.title)
    reader.strings({"page title": [page.title for page in read], "description": book.description})
    reader.rest(_joined(read))
    for name, data in files.items():
        if name != "mimetype" and not name.startswith("META-INF/") and data:
            reader.file(name, File(_declared(name, data), data))
    return reader.made.document(book.language)


def as_html(text: str) -> str:
    """Return XHTML as HTML: with an end for each empty element, and without CDATA.

    Raises UploadError `undecodable` if it declares entities.
    """
    if "<!ENTITY" in text:
        raise UploadError("undecodable", "a chapter with entities of its own")
    text = CDATA.sub(lambda found: escape(found[1], quote=False), text)
    return EMPTY.sub(
        lambda found: found[0] if found[1].lower() in VOID else f"<{found[1]}{found[2]}></{found[1]}>", text
    )


def _is_page(name: str, data: bytes) -> bool:
    return name.lower().endswith(CHAPTERS) and not name.startswith("META-INF/") and bool(examine(data).text)


def _declared(name: str, data: bytes) -> str:
    """Return the type of what a browser would not tell from its bytes: styles, scripts and pictures in SVG."""
    kinds = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    declared = next((kind for end, kind in kinds.items() if name.lower().endswith(end)), "")
    return declared if declared not in PAGES or examine(data).text else ""


def _joined(pages: Iterable[Shown]) -> Shown:
    """Return the pages of a book as one, so that it has one part for each place and not for each chapter."""
    made = Shown()
    for page in pages:
        made.flow += page.flow
        made.frames += page.frames
        made.links += page.links
        made.leads_away |= page.leads_away
        for key, texts in page.others.items():
            made.others.setdefault(key, []).extend(texts)
    return made


class _Locks:
    """Refuses what needs a key."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "EncryptionMethod" and attributes.get("Algorithm") not in OBFUSCATIONS:
            raise UploadError("encrypted", EPUB)

    def end(self, name: str) -> None:
        """Do nothing."""

    def data(self, text: str) -> None:
        """Do nothing."""


class _Package:
    """What the package file says about a book."""

    def __init__(self) -> None:
        self.title = self.language = ""
        self.description: list[str] = []
        self._open: list[str] = []
        self._folder = ""
        self._places: dict[str, str] = {}
        self._order: list[str] = []

    def within(self, file: str) -> _Package:
        self._folder = dirname(file)
        return self

    def chapters(self) -> list[str]:
        """Return the paths of the chapters, in their order, each once."""
        return list(dict.fromkeys(self._places[each] for each in self._order if each in self._places))

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        if name == "item" and "href" in attributes:
            self._places[attributes.get("id", "")] = normpath(join(self._folder, unquote(attributes["href"])))
        elif name == "itemref":
            self._order.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:  # noqa: ARG002 (the interface's)
        self._open.pop()

    def data(self, text: str) -> None:
        name = self._open[-1]
        if name == "title":
            self.title += text
        elif name == "language":
            self.language = self.language or text.strip()
        elif name in ("description", "subject", "creator", "publisher"):
            self.description.append(text)
