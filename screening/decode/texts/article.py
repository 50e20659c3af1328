"""Decode plain text, also as the page that a browser may take it for, and tell which documents need a parser."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from screening.content import Document, Text
from screening.content.kinds import JSON, PLAIN
from screening.decode.assembly import Assembly, check_length
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed
from screening.decode.texts.covered import Read
from screening.decode.texts.embedded import lift
from screening.errors import UploadError

if TYPE_CHECKING:
    from screening.decode.texts.reader import Reader

RISKY = re.compile(r"<|data:|\\u00[0-7]", re.IGNORECASE)  # a string of JSON may hold markup or a file, also in escapes

# A browser takes a file for HTML by its name or declared type, which are not known here: such a text is read both ways.
TAGS = (
    "a|abbr|article|aside|b|big|blockquote|body|br|button|center|cite|code|dd|del|details|dialog|div|dl|dt|em|embed"
    "|figure|font|footer|form|frame|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li|link|main|mark"
    "|marquee|math|meta|nav|object|ol|option|p|pre|q|s|samp|script|section|select|small|source|span|strike|strong|style"
    "|sub|summary|sup|svg|table|tbody|td|template|textarea|th|title|tr|tt|u|ul|var|video|wbr|xmp"
)
AS_PAGE = re.compile(
    rf"&#[xX]?[0-9a-fA-F]|&[a-zA-Z]{{2,31}};|</?(?:{TAGS})(?=[\s/>])|[a-z]</?[a-zA-Z][^<>]{{0,100}}>[a-z]",
    re.IGNORECASE,
)
# What a browser does not know has attributes like all elements, but it must not nest too deep: `wbr` never does.
FOREIGN = re.compile(rf"<(?!(?:{TAGS})[\s/>])[a-zA-Z][^\s/<>]{{0,100}}", re.IGNORECASE)
FOREIGN_END = re.compile(rf"</(?!(?:{TAGS})[\s/>])[a-zA-Z][^<>]{{0,100}}>", re.IGNORECASE)
LINK = re.compile(r"\]\([^()\n]{1,1000}\)")  # where a link of Markdown leads, which is no text of it


def plain(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return plain text as a document of one part. Raises UploadError with `no_text` or `too_large`."""
    check_length(len(sniffed.text), limits)
    if not AS_PAGE.search(sniffed.text):
        made = Assembly(PLAIN, limits)
        made.text("main", "main", sniffed.text)
        return made.document()
    from screening.decode.texts.reader import Reader  # imported late, as most texts need no parser

    reader = Reader(PLAIN, limits)
    reader.main(sniffed.text, "")
    read_as_page(reader, sniffed.text)
    return reader.made.document()


def read_as_page(reader: Reader, text: str) -> None:
    """Add what a browser shows of a text if it takes it for HTML, unless that has been read."""
    if not AS_PAGE.search(text):
        return
    from screening.decode.texts.embedded import lift
    from screening.decode.texts.shown import shown

    markup, files = lift(FOREIGN.sub("<wbr", FOREIGN_END.sub("", LINK.sub("]", text))))
    try:
        reader.rest(shown(markup), "as HTML/")
    except UploadError as error:
        reader.made.missed("the text as HTML", str(error))
    reader.files(files)


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
    return replace(made.document(document.language), not_looked_at=document.not_looked_at, links=document.links)


def needs_sandbox(sniffed: Sniffed) -> bool:
    """Return whether a document goes through a parser that hostile input can crash or stall."""
    if sniffed.media_type == JSON:
        return bool(RISKY.search(sniffed.text))
    return sniffed.media_type != PLAIN or bool(AS_PAGE.search(sniffed.text))
