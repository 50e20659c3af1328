"""Let Pillow open HEIC and HEIF, which phones take, and tell what else such a file holds."""

from __future__ import annotations

from collections.abc import Iterator

from pi_heif import register_heif_opener

HEIF = ("image/heic", "image/heif")
FORMAT = "HEIF"
# One thread, since several processes run at once already. Pictures of depth, masks and brightness are not for people.
register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def holds_film(data: bytes) -> bool:
    """Return whether a file has a track besides its pictures (the box `moov` of ISO/IEC 14496-12)."""
    return b"moov" in _boxes(data)


def _boxes(data: bytes) -> Iterator[bytes]:
    """Yield the names of the outer boxes."""
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        yield data[place + 4 : place + 8]
        if size < 8:  # 0 is the last box
            return
        place += size
