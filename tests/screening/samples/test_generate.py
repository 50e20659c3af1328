"""What the generator draws is what lies among the samples."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import screening
from screening.content import Picture
from screening.decode import decode
from screening.decode.limits import Fields, Limits
from tests.screening.samples.generate import FILES, landscape

UPLOADS = Path(screening.__file__).parent / "samples" / "uploads"
LOSSLESS = {".png", ".bmp", ".tiff"}
PICTURES = [name for name in FILES if not name.startswith("broken/")]
ENCODERS_DIFFER = {"broken/truncated.jpg", "broken/truncated.png", "broken/bomb.png"}


def pixels(data: bytes) -> np.ndarray:
    content = decode(data, Limits(), Fields()).main
    assert isinstance(content, Picture)
    return content.pixels.astype(int)


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_the_same_pixels_are_drawn_again(name):
    drawn, kept = pixels(FILES[name]()), pixels((UPLOADS / name).read_bytes())
    assert drawn.shape == kept.shape
    if Path(name).suffix in LOSSLESS:
        assert np.array_equal(drawn, kept)
    else:  # another version of an encoder may round otherwise
        assert np.abs(drawn - kept).mean() < 1


@pytest.mark.parametrize("name", sorted(set(FILES) - set(PICTURES) - ENCODERS_DIFFER))
def test_the_same_bytes_are_made_again(name):
    assert FILES[name]() == (UPLOADS / name).read_bytes()


def test_the_bomb_is_a_sound_picture():
    """All its pixels are there: nothing but its size speaks against it."""
    data = (UPLOADS / "broken" / "bomb.png").read_bytes()
    width, height, bits = struct.unpack(">IIB", data[16:25])
    rows = zlib.decompress(data[data.index(b"IDAT") + 4 : -16])
    assert len(rows) == height * (1 + width * bits // 8)
    assert width * height > Limits().max_pixels


def test_the_turned_picture_is_seen_upright():
    seen = pixels((UPLOADS / "photos" / "turned.jpg").read_bytes())
    upright = np.asarray(landscape(3), int)
    assert seen.shape == upright.shape
    assert np.abs(seen - upright).mean() < 5


def test_the_smaller_copy_is_another_file_of_another_size():
    original, smaller = (UPLOADS / "known" / name for name in ("blocked-original.jpg", "blocked-smaller.webp"))
    with Image.open(original) as one, Image.open(smaller) as other:
        assert one.format != other.format
        assert one.width > other.width
