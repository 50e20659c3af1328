"""Makes the uploads of the cases that would be large files: the known picture in other formats, and as a frame."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.fuzz.bombs import png
from tests.screening.checks.conftest import photograph

HERE = Path(__file__).parent
KNOWN = HERE / "05-embedded-picture" / "control.jpg"  # the picture that is on the bank
PICTURE = re.compile(r"data:image/jpeg;base64,[^\"]*")


def made() -> Iterator[tuple[str, str, bytes]]:
    """Yield the case, the name and the bytes of each upload."""
    known = Image.open(KNOWN).convert("RGB")
    yield from (("02-frames", name, data) for name, data in _frames(known, Image.fromarray(photograph(1))))
    yield from (("14-image-formats", name, data) for name, data in _formats(known))
    page = (HERE / "09-saved-page" / "saved_small.html").read_text()
    noise = np.random.default_rng(2).integers(0, 256, (720, 720, 3), np.uint8)  # more characters than a text may have
    large = _encoded(Image.fromarray(noise), "PNG")
    inlined = f"data:image/png;base64,{base64.b64encode(large).decode()}"
    yield "09-saved-page", "saved.html", PICTURE.sub(inlined, page).encode()


def _frames(known: Image.Image, other: Image.Image) -> Iterator[tuple[str, bytes]]:
    yield "control.png", _encoded(known, "PNG")
    both = {"save_all": True, "append_images": [known]}
    yield "second.gif", _encoded(other, "GIF", **both, duration=1000)
    yield "second.webp", _encoded(other, "WEBP", **both, duration=1000)
    yield "second.apng.png", _encoded(other, "PNG", **both, duration=1000, compress_level=1)
    # a viewer without animation shows the first picture alone, one with it never shows the first
    alone = {"save_all": True, "default_image": True, "duration": 1000, "compress_level": 1}
    yield "shown_only_in_animation.apng.png", _encoded(other, "PNG", **alone, append_images=[known, other.rotate(9)])
    yield "hidden_default.apng.png", _encoded(known, "PNG", **alone, append_images=[other, other.rotate(9)])


def _formats(known: Image.Image) -> Iterator[tuple[str, bytes]]:
    jpeg = KNOWN.read_bytes()
    yield "trailing.jpg", jpeg + b"what stands behind the picture" * 400
    yield "truncated.jpg", jpeg[: len(jpeg) * 4 // 5]
    yield "progressive.jpg", _encoded(known, "JPEG", progressive=True, quality=85)
    yield "cmyk.jpg", _encoded(known.convert("CMYK"), "JPEG", quality=90)
    yield "palette.png", _encoded(known.quantize(64), "PNG")
    yield "grey16.png", _encoded(Image.fromarray(np.asarray(known.convert("L")).astype(np.uint16) * 257), "PNG")
    yield "rgb16.png", _sixteen(np.asarray(known))
    turns = {"exif2_mirror.jpg": (2, Image.Transpose.FLIP_LEFT_RIGHT), "exif6.jpg": (6, Image.Transpose.ROTATE_90)}
    for name, (orientation, undone) in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield name, _encoded(known.transpose(undone), "JPEG", quality=90, exif=exif)


def _sixteen(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a PNG of 16 bits a channel, which Pillow does not write."""
    height, width, _ = pixels.shape
    rows = (pixels.astype(">u2") * 257).astype(">u2")
    return png(width, height, 16, 2, data=zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))


def _encoded(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()
