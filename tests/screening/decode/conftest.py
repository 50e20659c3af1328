"""Valid uploads of every media type that is decoded, made by code."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from screening.content import Document, Picture

PARAGRAPHS = [
    "The old bridge over the river reopened on Monday after two years of repair work.",
    "Drivers had been sent on a long way round through the next village, and shopkeepers lost trade.",
    "The mayor thanked everybody for their patience and promised that the tunnel would not take as long.",
]
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Bridge reopens</title>
<meta name="author" content="Jane Roe"><meta property="article:published_time" content="2024-03-05T10:00:00Z">
</head><body><nav><a href="/">Home</a> <a href="/news">All the news</a></nav><article><h1>Bridge reopens</h1>
{"".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)}</article>
<footer>All rights reserved</footer><script>var tracked = true;</script></body></html>"""

FORMATS = {
    "image/jpeg": {"format": "JPEG", "quality": 90},
    "image/png": {"format": "PNG"},
    "image/webp": {"format": "WEBP", "lossless": True},
    "image/gif": {"format": "GIF"},
    "image/tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    "image/bmp": {"format": "BMP"},
    "image/avif": {"format": "AVIF", "quality": 90},
}


def encode(image: Image.Image, **options: object) -> bytes:
    """The file that Pillow writes for `image`."""
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """A picture whose four corners and areas all differ."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)[None, :]
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    pixels[: height // 3, : width // 4] = (250, 30, 30)
    return Image.fromarray(pixels)


def uploads() -> Mapping[str, bytes]:
    """One valid upload for each media type in the table of decoders."""
    text = "\n\n".join(PARAGRAPHS)
    return {
        "text/plain": text.encode(),
        "text/markdown": f"# Bridge reopens\n\n{text}\n\n- [more](https://example.org)\n".encode(),
        "text/html": PAGE.encode(),
        "application/json": json.dumps({"title": "Bridge", "text": text, "html": "<b>"}).encode(),
        **{media_type: encode(scene(), **options) for media_type, options in FORMATS.items()},
    }


def told(document: Document) -> object:
    """A document in values that can be compared."""
    parts = [
        (
            part.place,
            part.role,
            replace(part.content, pixels=None),
            part.content.pixels.shape,
            part.content.pixels.tobytes(),
        )
        if isinstance(part.content, Picture)
        else part
        for part in document.parts
    ]
    return replace(document, parts=tuple(parts))


@pytest.fixture(scope="session")
def valid() -> Mapping[str, bytes]:
    return uploads()


@pytest.fixture(scope="session")
def make() -> type:
    """The helpers above, for tests that build an upload of their own."""

    class Make:
        encode = staticmethod(encode)
        scene = staticmethod(scene)
        page = PAGE
        paragraphs = PARAGRAPHS
        formats = FORMATS

    return Make
