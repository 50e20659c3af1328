"""Collect the links of a page or a paper: their places, their addresses and the texts that a reader sees of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from screening.content.links import LONGEST, cleaned

ADDRESSES: Mapping[str, str] = {
    "a": "href", "area": "href", "form": "action", "button": "formaction", "input": "formaction", "base": "href",
}  # fmt: skip
REFRESH = re.compile(r"\burl\s*=\s*[\"']?([^\"'\s]+)", re.IGNORECASE)
ABSOLUTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|[/\\]{2})", re.IGNORECASE)


@dataclass(slots=True)
class _Anchor:
    place: str
    address: str
    texts: list[str] = field(default_factory=list)
    room: int = LONGEST


class Anchors:
    """The links in the order of their begin; the texts that follow one belong to it until it ends."""

    def __init__(self) -> None:
        self._found: list[_Anchor] = []
        self._open: _Anchor | None = None
        self._base = ""

    def start(self, tag: str, attributes: Mapping[str, str], place: str) -> None:
        """Take the begin of an element of HTML, if it leads somewhere."""
        if tag == "meta":
            if attributes.get("http-equiv", "").strip().lower() == "refresh":
                self._found += (_Anchor(place, found[1]) for found in REFRESH.finditer(attributes.get("content", "")))
            return
        address = attributes.get(ADDRESSES.get(tag, ""), "") or (attributes.get("xlink:href", "") if tag == "a" else "")
        if tag == "base":
            self._base = self._base or address
        if tag == "a":
            self.begin(place, address)
        elif address:
            self._found.append(_Anchor(place, address, [attributes.get("alt", "")]))

    def begin(self, place: str, address: str) -> None:
        """Begin a link, which ends the one before; without an address it is none."""
        self._open = _Anchor(place, address) if address else None
        if self._open:
            self._found.append(self._open)

    def data(self, text: str) -> None:
        """Take some text that is shown."""
        if (link := self._open) and link.room > 0:
            link.texts.append(text)
            link.room -= len(text)

    def end(self, tag: str) -> None:
        """Take the end of an element of HTML."""
        if tag == "a":
            self._open = None

    def links(self, targets: Mapping[str, str] | None = None) -> Iterator[tuple[str, str, str]]:
        """Yield the place, the address and the text of each link; `targets` says where an address stands for another.

        What is relative leads to where the base of the page does.
        """
        for link in self._found:
            address = cleaned((targets or {}).get(link.address, link.address))
            relative = self._base and not ABSOLUTE.match(address)
            yield link.place, self._base if relative else address, "".join(link.texts)
