"""Decode plain text, and tell which documents go through a parser."""

from __future__ import annotations

import re
from dataclasses import replace

from screening.content import Document, Text
from screening.decode.assembly import Assembly, check_length
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed
from screening.decode.texts.covered import Read
from screening.decode.texts.embedded import lift
from screening.kinds import JSON, PLAIN

RISKY = re.compile(r"<|data:|\\u00[0-7]", re.IGNORECASE)  # a string of JSON may hold markup or a file, also in escapes


def plain(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return plain text as a document of one part. Raises UploadError with `no_text` or `too_large`."""
    check_length(len(sniffed.text), limits)
    made = Assembly(PLAIN, limits)
    made.text("main", "main", sniffed.text)
    return made.document()


def also_plain(document: Document, sniffed: Sniffed, limits: Limits) -> Document:
    """Return a document that will be shown as plain text: also what its rendered form does not show of its source.

    Raises UploadError `too_large`.
    """
    read, made = Read(), Assembly(PLAIN, limits)
    for part in document.parts:
        made.add(part)
        if isinstance(part.content, Text):
            read.add(part.content.text)
    text, _ = lift(sniffed.text)
    made.text("source", "rest", "\n".join(read.unread(text.split("\n"))))
    return replace(made.document(document.language), not_looked_at=document.not_looked_at)


def needs_sandbox(sniffed: Sniffed) -> bool:
    """Return whether a document goes through a parser that hostile input can crash or stall."""
    if sniffed.media_type == JSON:
        return bool(RISKY.search(sniffed.text))
    return sniffed.media_type != PLAIN
