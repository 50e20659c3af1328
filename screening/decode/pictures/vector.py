"""Draw SVG with resvg, which runs no scripts and here reads nothing: no fonts, and nothing that it refers to."""

from __future__ import annotations

import io
from math import isqrt

import numpy as np
import resvg_py
from lxml import etree
from PIL import Image, PngImagePlugin

from screening.content import Picture
from screening.decode.limits import Limits
from screening.errors import UploadError

SIDE = 512  # pixels of a drawing within a document, of which there may be many; PDQ looks at no more
MOST_ELEMENTS = 10_000  # of a drawing; a shape as large as the picture costs 400 µs


def drawn(markup: str, side: int, limits: Limits) -> Picture:
    """Return how an SVG looks over white, with up to `side` pixels on its long side, without its words and pictures.

    Those are parts of their own. Raises UploadError `undecodable` or `too_complex`.
    """
    try:
        root = etree.fromstring(markup.encode(), etree.XMLParser(resolve_entities="internal", no_network=True))
    except etree.XMLSyntaxError as error:
        raise UploadError("undecodable", f"SVG: {error.msg}"[:200]) from None
    elements = list(root.iter(etree.Element))
    if len(elements) > MOST_ELEMENTS:
        raise UploadError("too_complex", f"{len(elements)} elements of SVG, limit {MOST_ELEMENTS}")
    for each in elements:
        for name, value in list(each.attrib.items()):
            if name.rpartition("}")[2] in ("href", "src") and not value.startswith("#"):
                del each.attrib[name]  # resvg would open it
    text = etree.tostring(root, encoding="unicode")
    side = min(side, isqrt(limits.max_pixels))
    try:
        data = resvg_py.svg_to_bytes(
            svg_string=text, width=side, height=side, background="white", skip_system_fonts=True
        )
    except BaseException as error:  # a fault in its Rust code is no Exception
        if isinstance(error, MemoryError | KeyboardInterrupt):
            raise
        raise UploadError("undecodable", f"SVG: {type(error).__name__}") from None
    with Image.open(io.BytesIO(data), formats=(PngImagePlugin.PngImageFile.format,)) as image:
        return Picture(image.width, image.height, np.array(image.convert("RGB")))
