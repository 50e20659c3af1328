"""List the hosts that a document leads to or names, to be looked up in banks."""

from __future__ import annotations

from collections.abc import Iterator

from screening.content import Document, Text
from screening.content.links import names


def hosts_of(document: Document) -> Iterator[tuple[str, str]]:
    """Yield each host with the place of a part that leads to it or names it, be it in a mail address."""
    found: dict[str, str] = {}
    for link in document.links:
        found.setdefault(link.host, link.place)
    for part in document.parts:
        if isinstance(part.content, Text):
            for host in names(part.content.text):
                found.setdefault(host, part.place)
    yield from found.items()


def parents(host: str) -> Iterator[str]:
    """Yield a host, and all those that it is below."""
    while "." in host:
        yield host
        host = host.partition(".")[2]
