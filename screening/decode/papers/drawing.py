"""Decode SVG: how it looks, what it says, and the pictures in it."""

from __future__ import annotations

import re

from screening.content import Document
from screening.content.kinds import MAX_SIDE, SVG
from screening.decode.assembly import check_length
from screening.decode.limits import Fields, Limits
from screening.decode.pictures.vector import drawn
from screening.decode.sniff import Sniffed
from screening.decode.texts.embedded import lift
from screening.decode.texts.reader import Reader
from screening.decode.texts.shown import shown

SCRIPT = re.compile(r"<(?:\w+:)?script\b", re.IGNORECASE)


def svg(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return an SVG: a picture of its shapes, then its texts, and the pictures that it holds.

    Raises UploadError with `undecodable`, `too_large`, `too_complex` or `too_deep`.
    """
    markup, files = lift(sniffed.text)
    check_length(len(markup), limits)
    reader = Reader(SVG, limits)
    reader.made.picture("picture", "main", drawn(markup, MAX_SIDE, limits))
    reader.rest(shown(markup))
    reader.files(files)
    if scripts := len(SCRIPT.findall(markup)):
        reader.made.missed("script", "scripts are not run", scripts)
    return reader.made.document()
