"""Find links that lead to another host than a reader takes them for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from screening.checks.links.domains import looks_like, registered
from screening.content import Document, Link, Text
from screening.content.links import addresses, leads_to

MOST = 100  # that are counted in one document
TRICKY = re.compile("[^\x00-\x7f]|@|xn--", re.IGNORECASE)


def deceptive(document: Document) -> list[Link]:
    """Return the links whose text or address reads like a host that belongs to somebody else, each once, up to `MOST`.

    Three tricks are known: a text that names another host (`bank.example`, leading to `evil.example`), a name before an
    `@` (`https://bank.example@evil.example`), and letters that look like others.
    """
    found: dict[Link, None] = {}
    for each in _links(document):
        if link := _unmasked(each):
            found[link] = None
            if len(found) == MOST:
                break
    return list(found)


def _links(document: Document) -> Iterator[Link]:
    yield from document.links
    for part in document.parts:
        # to have one of the other tricks, an address needs one of these
        if isinstance(part.content, Text) and TRICKY.search(part.content.text):
            for address in filter(TRICKY.search, addresses(part.content.text)):
                host, user = leads_to(address)
                if host and (user or "xn--" in host):
                    yield Link(part.place, host, user)


def _unmasked(link: Link) -> Link | None:
    claimed = registered(link.says) if link.says else ""
    if claimed and claimed != registered(link.host) and not link.host.endswith(f".{link.says}"):
        return link
    seen = looks_like(link.host)
    return Link(link.place, link.host, seen) if seen else None
