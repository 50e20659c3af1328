"""What a picture's file is made of, counted before Pillow reads it: it walks all of it piece by piece in Python.

A walk gives a weight a piece: about how many PNG chunks it costs, some 8 µs each. What it can't follow is Pillow's to
refuse.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from screening.decode.limits import Limits
from screening.errors import UploadError

SCAN = 2_000  # of a progressive JPEG goes over all its pixels; encoders write 10 or so
EXIF = 2_000  # of JPEG segments is joined one by one, as are
COMMENT = 25  # the blocks of comments in a GIF
FRAME = 30  # of a GIF
DIRECTORY = 10  # of a TIFF
READ = 1_000  # bytes that a TIFF's tag points to; many tags may point to the same
TIFF_SIZES = (1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 1, 1, 8, 8, 8)  # bytes of a value, by type


def check_pieces(media_type: str, data: bytes, limits: Limits) -> None:
    """UploadError too_complex for a picture of more pieces than a file may have."""
    pieces = 0
    try:
        for weight in _WALKS[media_type](data) if media_type in _WALKS else ():
            pieces += weight
            if pieces > limits.max_pieces:
                raise UploadError("too_complex", f"more pieces of {media_type} than {limits.max_pieces}, the limit")
    except (IndexError, struct.error):
        return  # ends early


def _png(data: bytes) -> Iterator[int]:
    place = 8
    while place < len(data):
        place += 12 + int.from_bytes(data[place : place + 4], "big")
        yield 1


def _jpeg(data: bytes) -> Iterator[int]:
    place = 2
    while True:
        while data[place] != 0xFF or data[place + 1] in (0, 0xFF):  # Pillow goes on where the next marker is
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
            yield weight or size < 255  # the full blocks of a frame are its pixels
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
