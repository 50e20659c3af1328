"""Put a document together from what a decoder finds in an upload, part by part."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace

from screening.content import Content, Document, Link, Part, Picture, Text
from screening.content.links import leads_to, named
from screening.decode.limits import Limits
from screening.errors import UploadError
from screening.records import NotLookedAt, Role

MAX_PLACE = 200  # characters
MAX_PARTS = 2_000  # of a document; ordinary ones have fewer than 100
MAX_MISSED = 200  # lines about what was not looked at, of which each counts many things
MAX_LINKS = 5_000  # that differ
MAX_TITLE = 1000  # characters of a title that are read before the main text; the title's own part has all of them
# All C0 and C1 controls except tab and newline, and lone surrogates, which JSON can spell but nothing can store.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Assembly:
    """A document in the making. A part that is empty, or that says or shows what another one does, is left out."""

    def __init__(self, media_type: str, limits: Limits) -> None:
        self._media_type = media_type
        self._limits = limits
        self._parts: list[Part] = []
        self._known: set[str | bytes] = set()
        self._places: set[str] = set()
        self._numbers: Counter[str] = Counter()
        self._missed: Counter[tuple[str, str]] = Counter()
        self._links: dict[Link, None] = {}
        self._characters = self._pictures = 0

    def add(self, part: Part) -> None:
        """Add a part of another document."""
        if isinstance(part.content, Text):
            self.text(part.place, part.role, part.content.text, part.content.title)
        else:
            self.picture(part.place, part.role, part.content)

    def text(self, place: str, role: Role, text: str, title: str = "") -> None:
        """Add a text. Raises UploadError `too_large` if the texts have too many characters, `too_complex` for parts."""
        clean = printable(text).strip()
        if not clean or clean in self._known:
            return
        self._characters += len(clean)
        check_length(self._characters, self._limits)
        self._known.add(clean)
        self._add(place, role, Text(clean, one_line(title)[:MAX_TITLE]))

    def picture(self, place: str, role: Role, picture: Picture) -> None:
        """Add a picture, if there is `room` for it."""
        pixels = hashlib.sha256(picture.pixels.reshape(-1).data).digest()
        if pixels in self._known:
            return
        if not self.room:
            self.left_out("picture")
            return
        self._pictures += 1
        self._known.add(pixels)
        self._add(place, role, picture)

    def link(self, place: str, address: str, text: str = "") -> None:
        """Add a link with that text, if its address leads to a host."""
        host, user = leads_to(address)
        if not host:
            return
        says = user or named(text)
        link = Link(printable(place)[:MAX_PLACE], host, says if says != host else "")
        if len(self._links) < MAX_LINKS or link in self._links:
            self._links[link] = None
        else:
            self.missed("link", f"more than {MAX_LINKS} that differ")

    @property
    def room(self) -> int:
        """How many more pictures the document may have."""
        return max(1, self._limits.frames) - self._pictures

    def left_out(self, what: str, count: int = 1) -> None:
        """Record pictures for which there is no room."""
        self.missed(what, f"more than {self._limits.frames} that differ, the limit `frames`", count)

    def missed(self, what: str, why: str, count: int = 1) -> None:
        """Record that nobody looked at `count` things of the document."""
        why = why if len(self._missed) < MAX_MISSED or (what, why) in self._missed else "one of many reasons"
        self._missed[what, why] += count

    def document(self, language: str = "") -> Document:
        """Return the document.

        If nothing has the role `main`, then the title has it, or else all that is shown. Raises UploadError `no_text`
        if there is nothing to look at.
        """
        roles = {part.role for part in self._parts}
        if "main" not in roles:
            least: Role = "title" if "title" in roles else "rest"
            self._parts = [
                Part(part.place, "main", part.content) if part.role == least else part for part in self._parts
            ]
        self._parts.sort(key=lambda part: part.role != "main")
        if not self._parts or self._parts[0].role != "main":
            raise UploadError("no_text", self._media_type)
        missed = (NotLookedAt(what, count, why) for (what, why), count in self._missed.items())
        said = one_line(language)[:MAX_TITLE]
        return Document(self._media_type, tuple(self._parts), tuple(missed), said, links=self._linked())

    def _linked(self) -> tuple[Link, ...]:
        """Return the links, each with the place of a part: a text that was read elsewhere has none of its own."""
        main = self._parts[0].place
        links = (link if link.place in self._places else replace(link, place=main) for link in self._links)
        return tuple(dict.fromkeys(links))

    def _add(self, place: str, role: Role, content: Content) -> None:
        if len(self._parts) == MAX_PARTS:
            raise UploadError("too_complex", f"more than {MAX_PARTS} parts, the limit")
        name = place = printable(place)[:MAX_PLACE]
        while name in self._places:
            self._numbers[place] += 1
            name = f"{place} {self._numbers[place] + 1}"
        self._places.add(name)
        self._parts.append(Part(name, role, content))


def printable(text: str) -> str:
    """Return the text with what can't be printed or stored replaced."""
    return UNPRINTABLE.sub("�", text)


def one_line(text: str) -> str:
    """Return the text in one line, with what can't be printed or stored replaced."""
    return " ".join(printable(text).split())


def check_length(characters: int, limits: Limits) -> None:
    """Raise UploadError `too_large` if a text has more characters than a document may have."""
    if characters > limits.max_text_chars:
        raise UploadError("too_large", f"{characters} characters, limit {limits.max_text_chars}")
