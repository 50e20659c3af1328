"""Count the pieces of a picture's file before Pillow reads it, which walks through all of them in Python.

Each walk here yields a weight for every piece: about how many PNG chunks it costs, at 8 µs each. A file that a walk
can't follow is left for Pillow to refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from screening.decode.limits import Limits
from screening.errors import UploadError

SCAN = 2_000  # a scan of a progressive JPEG, which goes over all its pixels; encoders write about 10
EXIF = 2_000  # an EXIF segment of a JPEG, since Pillow joins them one by one
COMMENT = 25  # a block of a GIF's comments, which Pillow joins likewise
FRAME = 30  # a frame of a GIF
DIRECTORY = 10  # a directory of a TIFF
READ = 1_000  # bytes that a TIFF's tag points to weigh 1; many tags may point to the same bytes
TIFF_SIZES = (1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 1, 1, 8, 8, 8)  # bytes of a value, by type


def check_pieces(media_type: str, data: bytes, limits: Limits) -> None:
    """Raise UploadError `too_complex` if a picture's file has more pieces than it may have."""
    pieces = 0
    try:
        for weight in _WALKS[media_type](data) if media_type in _WALKS else ():
            pieces += weight
            if pieces > limits.max_pieces:
                raise UploadError("too_complex", f"more pieces of {media_type} than {limits.max_pieces}, the limit")
    except (IndexError, struct.error):
        return  # the file ends early


def _png(data: bytes) -> Iterator[int]:
    place = 8
    while place < len(data):
        place += 12 + int.from_bytes(data[place : place + 4], "big")
        yield 1


def _jpeg(data: bytes) -> Iterator[int]:
    place = 2
    while True:
        while data[place] != 0xFF or data[place + 1] in (0, 0xFF):  # Pillow skips to the next marker
            place += 1
            yield 1
        marker = data[place + 1]
        if marker == 0xDA:
            yield SCAN * data.count(b"\xff\xda", place)
            return
        alone = marker == 1 or 0xD0 <= marker <= 0xD9
        yield EXIF if marker == 0xE1 and data[place + 4 : place + 8] == b"Exif" else 1
        place += 2 if alone else 2 + int.from_bytes(data[place + 2 : place + 4], "big")


def _gif(data: bytes) -> Iterator[int]:
    place = 13 + _colours(data[10])
    while data[place] != 0x3B:
        kind = data[place]
        if kind == 0x21:
            weight = COMMENT if data[place + 1] == 0xFE else 1
            place += 2
        elif kind == 0x2C:
            weight = 0
            yield FRAME
            place += 11 + _colours(data[place + 9])
        else:
            place += 1
            yield 1
            continue
        while size := data[place]:
            place += 1 + size
            yield weight or size < 255  # a frame's full blocks are its pixels, and weigh nothing
        place += 1
        yield 1


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _tiff(data: bytes) -> Iterator[int]:
    order, big = ">" if data[:1] == b"M" else "<", b"+" in data[2:4]
    pointer, number = ("Q", "Q") if big else ("I", "H")
    entry = struct.Struct(f"{order}HH{pointer}{pointer}")
    place = struct.unpack_from(order + pointer, data, 8 if big else 4)[0]
    seen: set[int] = set()
    while place and place not in seen:
        seen.add(place)
        count = struct.unpack_from(order + number, data, place)[0]
        yield DIRECTORY
        place += struct.calcsize(order + number)
        for _ in range(count):
            _, kind, values, _ = entry.unpack_from(data, place)
            size = values * (TIFF_SIZES[kind] if kind < len(TIFF_SIZES) else 0)
            yield 1 + (size // READ if size <= len(data) else 0)
            place += entry.size
        place = struct.unpack_from(order + pointer, data, place)[0]


_WALKS: Mapping[str, Callable[[bytes], Iterator[int]]] = {
    "image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/tiff": _tiff,
}  # fmt: skip
