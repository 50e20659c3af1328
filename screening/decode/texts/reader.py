"""Read what documents of every form have in common into parts: pieces of HTML, lists of strings, embedded files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from screening.content.kinds import HTML, KINDS, SVG
from screening.decode.assembly import Assembly
from screening.decode.limits import Limits
from screening.decode.sniff import BINARY, Sniffed, examine
from screening.decode.texts.covered import Read
from screening.decode.texts.embedded import File, lift, opened
from screening.decode.texts.flow import Key
from screening.decode.texts.scripts import script_texts
from screening.decode.texts.shown import Shown, shown
from screening.decode.texts.styles import read_style
from screening.errors import UploadError
from screening.records import Role

MAX_FRAMES_DEEP = 3  # pages within pages
MAX_FRAMES = 1000  # in one document; each costs some 0.1 ms, however short it is
PAGES = frozenset((HTML, "application/xhtml+xml", SVG))
ICON = 4096  # characters; a drawing of no more, for which there is no room or that is broken, is not worth a review


class Reader:
    """Adds parts to a document; what one part says already is left out of the others."""

    def __init__(self, media_type: str, limits: Limits) -> None:
        self.made = Assembly(media_type, limits)
        self._limits = limits
        self._read = Read()
        self._files = self._frames = 0

    def main(self, text: str, title: str, place: str = "main", title_place: str = "title") -> None:
        """Add the main text and its title."""
        self.made.text(place, "main", text, title)
        self.made.text(title_place, "title", title)
        self._read.add(text)
        self._read.add(title)

    def rest(self, page: Shown, within: str = "", *, comments: bool = False, deep: int = 0) -> None:
        """Add what a page shows or hides besides its main text; `within` is where the page itself stands."""
        found: dict[Key, list[str]] = {}
        for key, text in page.flow:
            found.setdefault(key, []).extend(self._read.unread(text.split("\n\n")))
        # A sentence goes on around a button, and around what is hidden in it.
        found.setdefault(("page", "rest"), []).extend(self._read.unread(page.text.split("\n\n")))
        for key, lines in page.others.items():
            if comments or key[0] != "comment":
                found.setdefault(key, []).extend(self._read.unread(lines))
        for (place, role), blocks in found.items():
            self.made.text(f"{within}{place}", role, "\n\n".join(blocks))
        for markup in dict.fromkeys(page.frames):
            self._frames += 1
            if deep == MAX_FRAMES_DEEP:
                self.made.missed("frame", f"frames deeper than {MAX_FRAMES_DEEP} levels")
            elif self._frames > MAX_FRAMES:
                self.made.missed("frame", f"more than {MAX_FRAMES} frames")
            else:
                self.rest(shown(markup), f"{within}frame/", deep=deep + 1)
        for place, address, text in page.links:
            self.made.link(f"{within}{place}", address, text)
        self.files(page.files, deep)
        if page.leads_away:
            self.made.missed("another page", "this page sends its reader there")

    def strings(self, texts: Mapping[str, Iterable[str]], role: Role = "rest") -> None:
        """Add texts by their place."""
        for place, blocks in texts.items():
            self.made.text(place, role, "\n\n".join(self._read.unread(blocks)))

    def files(self, files: Sequence[File], deep: int = 0) -> None:
        """Look at embedded files: at pictures, pages and texts; of others, say that they were not looked at.

        Fonts and what no browser knows show nothing by themselves, so there is nothing to look at.
        """
        if files and deep == MAX_FRAMES_DEEP:
            self.made.missed("embedded file", f"files within files deeper than {MAX_FRAMES_DEEP} levels", len(files))
            return
        each_once = list(dict.fromkeys(files))
        room = max(0, MAX_FRAMES - self._files)
        if beyond := len(each_once[room:]):
            self.made.missed("embedded file", f"more than {MAX_FRAMES} files", beyond)
        places = {each: f"embedded {self._files + number}" for number, each in enumerate(each_once[:room], 1)}
        self._files += len(places)
        for each in sorted(places, key=lambda file: file.declared == SVG):  # photographs come before icons
            self.file(places[each], each, deep)

    def file(self, place: str, file: File, deep: int = 0) -> None:
        """Look at one file that stands in that place."""
        declared, data = file
        sniffed = examine(data)
        if sniffed.text and (declared in PAGES or sniffed.media_type in PAGES):
            text, inner = lift(sniffed.text)
            self.rest(shown(text), f"{place}/", deep=deep + 1)
            self.files(inner, deep + 1)
            if SVG in (declared, sniffed.media_type):
                self._drawing(f"{place}/picture", text)
        elif declared == "text/css":
            text, inner = lift(sniffed.text)
            style = read_style(text)
            self.strings({f"{place}/style": style.texts + style.variables})
            self.files([*inner, *filter(None, map(opened, style.files))], deep + 1)
        elif sniffed.text and "script" in declared:
            self.strings({f"{place}/script": script_texts(sniffed.text)}, "hidden")
        elif sniffed.text:
            self.strings({place: [sniffed.text]})
        elif sniffed.media_type in KINDS["image"].decoders:
            self._picture(place, sniffed)
        elif sniffed.media_type != BINARY or declared.startswith("text/") or declared in PAGES:
            self.made.missed(f"embedded {sniffed.media_type}", "there is no reader for it inside a document")

    def _drawing(self, place: str, markup: str) -> None:
        from screening.decode.pictures.vector import SIDE, drawn  # imported late, as few documents need it

        try:
            if self.made.room or len(markup) > ICON:
                self.made.picture(place, "rest", drawn(markup, SIDE, self._limits))
        except UploadError as error:
            if len(markup) > ICON:
                self.made.missed(f"embedded {SVG}", str(error))

    def _picture(self, place: str, sniffed: Sniffed) -> None:
        from screening.decode.pictures.image import add_pictures  # imported late, as few documents need Pillow

        try:
            add_pictures(self.made, sniffed, self._limits, f"{place}/", "rest")
        except UploadError as error:
            self.made.missed(f"embedded {sniffed.media_type}", str(error))
        except (MemoryError, ImportError, PermissionError):
            raise
        except Exception as error:  # hostile bytes can make a parser raise anything
            self.made.missed(f"embedded {sniffed.media_type}", f"undecodable: {type(error).__name__}")
