"""Parse the XML inside of archives: as events, without entities, document types or a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lxml import etree

from screening.decode.limits import Limits
from screening.errors import UploadError

LONGEST = 32  # bytes of XML for each character that a document may have; Word writes about 10


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

    def parse(self, data: bytes, events: Events) -> None:
        """Parse one file. Raises UploadError `too_large` or `undecodable`."""
        self._left -= len(data)
        if self._left < 0:
            raise UploadError("too_large", "more XML than a document of so many characters needs")
        parser = etree.XMLParser(
            target=_Target(events), resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True,
            remove_pis=True,
        )  # fmt: skip
        try:
            etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise UploadError("undecodable", f"XML: {error.msg}"[:200]) from None


class _Target:
    def __init__(self, events: Events) -> None:
        self._events = events
        self.data = events.data

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
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
