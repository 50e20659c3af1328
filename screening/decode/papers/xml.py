"""Parse the XML inside of archives: as events, without entities, document types or a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lxml import etree

from screening.decode.limits import Limits
from screening.errors import UploadError

LONGEST = 32  # bytes of XML for each character that a document may have; Word writes about 10
ELEMENTS = 3  # elements for each piece that a picture may have (`max_pieces`); one costs 5 µs


class Events(Protocol):
    """What the parser calls (lxml's parser target interface); names come without their namespace."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the begin of an element."""

    def end(self, name: str) -> None:
        """Take the end of an element."""

    def data(self, text: str) -> None:
        """Take some text."""


class Budget:
    """How much XML a document may still have."""

    def __init__(self, limits: Limits) -> None:
        self._left = LONGEST * limits.max_text_chars
        self._elements = self._most = ELEMENTS * limits.max_pieces

    def parse(self, data: bytes, events: Events) -> None:
        """Parse one file. Raises UploadError `too_large`, `too_complex` or `undecodable`."""
        self._left -= len(data)
        if self._left < 0:
            raise UploadError("too_large", "more XML than a document of so many characters needs")
        safe = {"resolve_entities": False, "no_network": True, "huge_tree": False}
        parser = etree.XMLParser(target=_Target(events, self), remove_comments=True, remove_pis=True, **safe)
        try:
            etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise UploadError("undecodable", f"XML: {error.msg}"[:200]) from None

    def count(self) -> None:
        """Count an element. Raises UploadError `too_complex`."""
        self._elements -= 1
        if self._elements < 0:
            raise UploadError("too_complex", f"more than {self._most} elements of XML, the limit")


class _Target:
    def __init__(self, events: Events, budget: Budget) -> None:
        self._budget = budget
        self._events = events
        self.data = events.data

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._budget.count()
        self._events.start(local(tag), {local(name): value for name, value in attributes.items()})

    def end(self, tag: str) -> None:
        self._events.end(local(tag))

    def doctype(self, *_: object) -> None:
        raise UploadError("undecodable", "XML with a document type, which no program writes into such files")

    def close(self) -> None:
        """Do nothing at the end of the file; the interface asks for this method."""


def local(tag: str) -> str:
    """Return a name without its namespace."""
    return tag.rpartition("}")[2]
