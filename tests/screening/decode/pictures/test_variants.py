"""Sound pictures that can't be decoded say what they are; broken ones of the same kind stay broken."""

from __future__ import annotations

import struct
import zlib

import pytest
from PIL import Image

from screening.decode import Limits, decode
from screening.errors import UploadError
from tests.screening.decode.conftest import encode, scene

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # Pillow, of damage


def refusal(data: bytes, limits: Limits = Limits()) -> tuple[str, str]:
    with pytest.raises(UploadError) as caught:
        decode(data, limits)
    return caught.value.reason, caught.value.detail


def bmp(bits: int, masks: tuple[int, ...] = (), compression: int = 3, width: int = 6, height: int = 5) -> bytes:
    """A BMP with a header of 56 bytes, which holds four masks, and pixels of noise."""
    pixels = bytes(range(200)) * 9
    pixels = pixels[: (width * bits + 31) // 32 * 4 * height]
    header = struct.pack("<IiiHHIIiiII", 56, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    header += struct.pack("<4I", *(*masks, 0, 0, 0, 0)[:4])
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


def tiff(samples: int, bits: int, photometric: int, sample_format: int = 1, **extra: int) -> bytes:
    """An uncompressed TIFF of 4 × 4 pixels, one strip of zeros."""
    size = 16 * samples * bits // 8
    bits_at, formats_at, strip_at = 8, 8 + 2 * samples, 8 + 4 * samples
    directory_at = strip_at + size
    entries = [
        (256, 3, 1, 4), (257, 3, 1, 4), (258, 3, samples, bits_at), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, 1, extra.get("strip_at", strip_at)), (277, 3, 1, samples), (278, 3, 1, 4),
        (279, 4, 1, extra.get("size", size)), (317, 3, 1, extra.get("predictor", 1)), (339, 3, samples, formats_at),
    ]  # fmt: skip
    return (
        b"II*\0"
        + struct.pack("<I", directory_at)
        + struct.pack(f"<{samples}H", *[bits] * samples)
        + struct.pack(f"<{samples}H", *[sample_format] * samples)
        + bytes(size)
        + struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + bytes(4)
    )


def jpeg(**changes: int) -> bytes:
    """Pillow's, with another marker, depth or number of components in its frame header."""
    data = bytearray(encode(scene().convert("L"), format="JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 1] = changes.get("marker", 0xC0)
    data[place + 4] = changes.get("depth", 8)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (bmp(16, (0xF00, 0xF0, 0xF, 0xF000)), "BMP with 16 bits a pixel in an unusual order; save it with 24"),
        (bmp(32, (0xFF000000, 0xFF0, 0xFF0000)), "BMP with 32 bits a pixel in an unusual order"),
        (bmp(16, (0x800, 0x1FF, 0x600, 0xF000)), "BMP with 16 bits a pixel in an unusual order"),
        (bmp(64, compression=0), "BMP with 64 bits a pixel; save it with 24"),
        (bmp(24, compression=5), "BMP with the compression PNG; save it without"),
        (tiff(3, 32, 2, sample_format=3), "TIFF of 3 samples a pixel (RGB), 32-bit floats; save it as 8-bit RGB"),
        (tiff(5, 8, 5, predictor=2), "TIFF of 5 samples a pixel (separated), 8-bit whole numbers"),
        (tiff(3, 32, 2), "TIFF of 3 samples a pixel (RGB), 32-bit whole numbers"),
        (jpeg(marker=0xC3), "lossless JPEG; save it as baseline or progressive"),
        (jpeg(depth=12), "JPEG of 1 components with 12 bits each; save it with 8 bits"),
    ],
)
def test_a_sound_picture_of_an_unsupported_variant_is_named(data, named):
    reason, detail = refusal(data)
    assert reason == "unsupported_variant"
    assert detail.startswith(named)


@pytest.mark.parametrize(
    "data",
    [
        bmp(16, (0xF00, 0xF0, 0xF, 0xF000))[:-20],  # ends early
        bmp(16, (0xF00, 0xFF0, 0xF, 0xF000)),  # masks lie over each other
        bmp(16, (0xF0F, 0xF0, 0, 0xF000)),  # a mask with a hole
        bmp(16, (0xF00000, 0xF0, 0xF, 0)),  # a mask beyond the pixel
        bmp(30000, compression=0),
        bmp(24, compression=77),
        tiff(3, 32, 2, sample_format=3, strip_at=1 << 20),  # the strip is not in the file
        tiff(3, 32, 2, sample_format=3, size=1 << 20),
        tiff(3, 32, 2, sample_format=99),
        tiff(1, 33, 1),
        tiff(2, 32, 2, sample_format=3),  # RGB of two samples
        tiff(3, 32, 2, sample_format=3)[:-40],
        jpeg(marker=0xC3)[:-70],
        jpeg(depth=77),
    ],
)
def test_a_broken_picture_is_never_called_a_variant(data):
    assert refusal(data)[0] == "undecodable"


def test_a_supported_variant_that_ends_early_is_broken():
    for options in ({"format": "BMP"}, {"format": "TIFF"}, {"format": "JPEG"}):
        data = encode(scene(), **options)
        assert refusal(data[: len(data) * 2 // 3])[0] == "undecodable"


def png(width: int, height: int, depth: int, colours: int) -> bytes:
    """A PNG that claims its size and holds nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("depth", "colours", "most"), [(8, 2, 1200), (8, 6, 1200), (16, 0, 1200), (16, 2, 800), (16, 6, 600)]
)
def test_pixels_of_more_than_four_bytes_count_for_more(depth, colours, most):
    limits = Limits(max_pixels=1200)
    assert refusal(png(most + 1, 1, depth, colours), limits) == (
        "too_many_pixels",
        f"{most + 1}×1, limit {most} of this kind",
    )
    assert refusal(png(most, 1, depth, colours), limits)[0] == "undecodable", "there is nothing in it"


def test_webp_pixels_count_twice():
    data = encode(Image.new("RGB", (40, 25)), format="WEBP")
    assert decode(data, Limits(max_pixels=2000)).main.width == 40
    assert refusal(data, Limits(max_pixels=1999))[0] == "too_many_pixels"
