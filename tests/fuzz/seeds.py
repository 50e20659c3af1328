"""Valid uploads of every kind that is decoded, from which mutants are made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import screening
from tests.screening.decode.conftest import PAGE, PARAGRAPHS, encode, scene, uploads

SHIPPED = Path(screening.__file__).parent / "samples" / "uploads"
LARGEST = 200_000  # bytes of a shipped sample
TEXT = "\n\n".join(PARAGRAPHS)
RUSSIAN = "Старый мост через реку снова открыт. Водители два года ездили в объезд через соседнюю деревню.\n" * 4
JAPANESE = "古い橋は月曜日に再び開通した。運転手たちは二年間、隣の村を通って遠回りしていた。\n" * 4


@cache
def seeds() -> Mapping[str, bytes]:
    """By name, beginning with the kind: `text/…`, `image/…`."""
    picture, small = scene(), scene(40, 30)
    frames = {"save_all": True, "append_images": [small.rotate(90 * turn) for turn in (1, 2, 3)]}
    made = {
        **{f"{media_type} plain": data for media_type, data in uploads().items()},
        "text/plain utf-16": TEXT.encode("utf-16"),
        "text/plain utf-8 with mark": TEXT.encode("utf-8-sig"),
        "text/plain windows-1251": RUSSIAN.encode("cp1251"),
        "text/plain koi8-r": RUSSIAN.encode("koi8_r"),
        "text/plain shift-jis": JAPANESE.encode("cp932"),
        "text/html windows-1252": PAGE.replace("<head>", "<head><meta charset=latin1>é").encode("cp1252"),
        "image/jpeg progressive": encode(picture, format="JPEG", progressive=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
        "image/jpeg CMYK": encode(picture.convert("CMYK"), format="JPEG"),
        "image/png palette": encode(picture.convert("P"), format="PNG", transparency=3),
        "image/png 16 bits": encode(picture.convert("L").convert("I;16"), format="PNG"),
        "image/png animated": encode(small, format="PNG", **frames),
        "image/gif animated": encode(small, format="GIF", **frames),
        "image/webp animated": encode(small, format="WEBP", lossless=True, **frames),
        "image/webp lossy": encode(picture, format="WEBP", quality=60),
        "image/bmp palette": encode(picture.convert("P"), format="BMP"),
        "image/tiff pages": encode(small, format="TIFF", **frames),
        **{
            f"image/tiff {compression}": encode(picture, format="TIFF", compression=compression)
            for compression in ("raw", "jpeg", "tiff_adobe_deflate", "packbits", "zstd")
        },
        "image/tiff group4": encode(picture.convert("1"), format="TIFF", compression="group4"),
        "image/tiff floats": encode(picture.convert("L").convert("F"), format="TIFF"),
    }
    shipped = {
        f"shipped {path.relative_to(SHIPPED)}": data
        for path in sorted(SHIPPED.rglob("*"))
        if path.is_file() and len(data := path.read_bytes()) <= LARGEST
    }
    return {**made, **shipped}
