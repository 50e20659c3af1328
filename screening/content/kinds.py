"""The kinds of content that a part can have. To add one, add a row to `KINDS`, and a decoder.

What a row names by `module:name` is imported when it is first needed, so that a decoder's child loads no checks.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from screening.content.documents import Content, Picture, Text
from screening.records import Medium

MAX_SIDE = 1024  # pixels of a decoded picture; classifiers look at a quarter of it, PDQ at half
PLAIN, MARKDOWN, HTML, JSON = "text/plain", "text/markdown", "text/html", "application/json"
SVG = "image/svg+xml"
PDF, EPUB = "application/pdf", "application/epub+zip"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of content: where it comes from, what reads it, and how it crosses from the decoders' sandbox.

    - `content`: the class that holds it; `size` is its measure, in `unit`, and `memory` the bytes that it takes here.
    - `decoders`: for each media type of documents that are about it, the decoder.
    - `checks`: the quality checks of its parts with the role `main`, and `view`, through which they look at it.
    - `pack` makes facts, as JSON can hold, and bytes of it; `unpack` makes it again, from what may be forged: it raises
      KeyError, TypeError, ValueError or OverflowError if this is not of its kind.

    Bundles read the kind that they name as their modality; see `screening.classifiers.classifier`.
    """

    content: type[Content]
    size: Callable[[Any], int]
    unit: str
    memory: Callable[[Any], int]
    decoders: Mapping[str, str]
    checks: str
    view: str
    pack: Callable[[Any], tuple[Facts, bytes | memoryview]]
    unpack: Callable[[Facts, bytes], Content]


def _pack_text(text: Text) -> tuple[Facts, bytes]:
    return {"title": text.title}, text.text.encode()


def _unpack_text(facts: Facts, body: bytes) -> Text:
    return Text(body.decode(), str(facts["title"]))


def _pack_picture(picture: Picture) -> tuple[Facts, memoryview]:
    facts = {"width": picture.width, "height": picture.height, "shape": picture.pixels.shape}
    return facts, picture.pixels.reshape(-1).data


def _unpack_picture(facts: Facts, body: bytes) -> Picture:
    height, width, channels = facts["shape"]
    if channels != 3 or not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise ValueError("not a picture")
    numbers = {name: int(facts[name]) for name in ("width", "height")}
    if not all(0 < number < 1 << 32 for number in numbers.values()):
        raise ValueError("not a picture")
    return Picture(**numbers, pixels=np.frombuffer(body, np.uint8).reshape(height, width, channels))


KINDS: Mapping[Medium, Kind] = {
    "text": Kind(
        content=Text,
        size=lambda text: len(text.text),
        unit="characters",
        memory=lambda text: 4 * len(text.text),
        decoders={
            PLAIN: "screening.decode.texts.article:plain",
            MARKDOWN: "screening.decode.texts.documents:markdown",
            HTML: "screening.decode.texts.markup:html",
            JSON: "screening.decode.texts.documents:json_article",
            PDF: "screening.decode.papers.pdf:pdf",
            DOCX: "screening.decode.papers.office:office",
            ODT: "screening.decode.papers.office:office",
            EPUB: "screening.decode.papers.epub:epub",
        },
        checks="screening.checks.text:TEXT_CHECKS",
        view="screening.checks.text:View",
        pack=_pack_text,
        unpack=_unpack_text,
    ),
    "image": Kind(
        content=Picture,
        size=lambda picture: picture.width * picture.height,
        unit="pixels",
        memory=lambda picture: picture.pixels.nbytes,
        decoders={
            f"image/{format}": "screening.decode.pictures.image:picture"
            for format in ("jpeg", "png", "webp", "gif", "tiff", "bmp", "avif", "heic", "heif")
        }
        | {SVG: "screening.decode.papers.drawing:svg"},
        checks="screening.checks.image:IMAGE_CHECKS",
        view="screening.checks.image:View",
        pack=_pack_picture,
        unpack=_unpack_picture,
    ),
}


def kind_of(content: Content) -> Medium:
    """Return the kind of a content."""
    return next(name for name, kind in KINDS.items() if isinstance(content, kind.content))


def named(place: str) -> Any:
    """Return what a row names by `module:name`."""
    return pkgutil.resolve_name(place)
