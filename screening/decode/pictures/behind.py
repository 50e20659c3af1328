"""Find what stands behind the end of a picture: viewers don't show it, but other programs may."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from screening.decode.sniff import BINARY, examine

MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # ITU-T T.81 § B.1.1.5: what may end the data of a scan
PADDING = b"\0\r\n\t \xff"
FILM = "the film of a motion photo"
# A phone's own data, known by their last bytes: Samsung's SEF (`SEFT`), which also holds its films.
TRAILERS: Mapping[bytes, str] = {b"SEFT": "a Samsung phone's trailer"}
MAX_BOXES = 10_000


class Behind(NamedTuple):
    """What stands behind a picture: how many bytes, what they are, and whether they are known to be harmless."""

    size: int
    what: str
    harmless: bool = False


def behind(media_type: str, data: bytes) -> Behind | None:
    """Return what stands behind the picture; None if nothing does, or if the format has no end of its own."""
    if media_type not in _ENDS:
        return None
    try:
        end = _ENDS[media_type](data)
    except IndexError:  # the file ends early
        return None
    rest = data[end:].strip(PADDING)
    if not rest:
        return Behind(len(data), "application/pdf, as it begins within it") if b"%PDF-" in data[:1024] else None
    if b"ftyp" in rest[:8] or b"MotionPhoto_Data" in rest[:65536] or b"MotionPhoto_Data" in rest[-65536:]:
        return Behind(len(rest), FILM)
    if trailer := next((what for mark, what in TRAILERS.items() if rest.endswith(mark)), ""):
        return Behind(len(rest), trailer, harmless=True)
    found = examine(rest).media_type
    return Behind(len(rest), "unknown" if found == BINARY else found)


def jpegs(data: bytes, most: int) -> list[tuple[int, int]]:
    """Return where each of the pictures that follow each other in a file begins and ends (CIPA DC-007), `most` of them.

    The first is there even if it ends early.
    """
    found = [(0, _one_jpeg(data, 0))]
    while len(found) < most:
        end = found[-1][1]
        ahead = data[end : end + 65536]
        start = end + len(ahead) - len(ahead.lstrip(PADDING))
        if start == end or data[start - 1 : start + 1] != b"\xff\xd8":  # 0xFF counts as padding
            break
        found.append((start - 1, _one_jpeg(data, start - 1)))
    return found


def _jpeg(data: bytes) -> int:
    return jpegs(data, MAX_BOXES)[-1][1]


def _one_jpeg(data: bytes, place: int) -> int:
    place += 2
    while True:
        found = MARKER.search(data, place)
        if found is None:
            return len(data)
        marker = found[0][1]
        if marker == 0xD9:
            return found.end()
        place = found.end()
        if marker != 1:
            place += int.from_bytes(data[place : place + 2], "big")


def _png(data: bytes) -> int:
    place = 8
    while data[place + 4 : place + 8] != b"IEND":
        place += 12 + int.from_bytes(data[place : place + 4], "big")
        if place >= len(data):
            return len(data)
    return place + 12


def _gif(data: bytes) -> int:
    place = 13 + _colours(data[10])
    while data[place] != 0x3B:
        if data[place] == 0x2C:
            place += 11 + _colours(data[place + 9])
        elif data[place] == 0x21:
            place += 2
        else:
            return len(data)
        while size := data[place]:
            place += 1 + size
        place += 1
    return place + 1


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(data: bytes) -> int:
    size = int.from_bytes(data[4:8], "little")
    return 8 + size + size % 2


def _boxes(data: bytes) -> int:
    """Return where the boxes of ISO/IEC 14496-12 end."""
    place = 0
    for _ in range(MAX_BOXES):
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        if kind == b"mpvd":  # Google's motion photos in HEIC
            return place + 8
        if size < 8 or not kind.isalnum():
            return len(data) if size == 0 else place
        place += size
    return place


_ENDS: Mapping[str, Callable[[bytes], int]] = {
    "image/jpeg": _jpeg, "image/png": _png, "image/gif": _gif, "image/webp": _webp,
    "image/avif": _boxes, "image/heic": _boxes, "image/heif": _boxes,
}  # fmt: skip
