"""Images become upright RGB at a bounded size, or the upload is refused before it costs much."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from screening.checks.image import View, blurred
from screening.content import Picture
from screening.content.pdq import pdq
from screening.decode import MAX_SIDE, Limits, decode
from screening.decode.pictures.image import BACKGROUND
from screening.errors import UploadError
from tests.screening.decode.conftest import told

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # Pillow, of damage

LOSSLESS = ("image/png", "image/webp", "image/tiff", "image/bmp")


def picture(data: bytes, limits: Limits = Limits()) -> Picture:
    content = decode(data, limits).main
    assert isinstance(content, Picture)
    assert content.pixels.dtype == np.uint8
    assert content.pixels.shape[2] == 3
    assert max(content.pixels.shape) <= MAX_SIDE
    return content


def reason(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(UploadError) as refusal:
        decode(data, limits)
    return refusal.value.reason


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims its size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/gif", "image/avif", "image/heic", *LOSSLESS])
def test_pixels_are_those_of_the_picture(media_type, valid, make):
    decoded = picture(valid[media_type])
    assert (decoded.width, decoded.height) == (96, 64)
    error = np.abs(decoded.pixels.astype(int) - np.asarray(make.scene()))
    assert error.max() == 0 if media_type in LOSSLESS else error.mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp", "image/tiff"])
def test_exif_orientation(media_type, orientation, make):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = make.encode(make.scene(), exif=exif, **make.formats[media_type])
    source = Image.new("RGB", (1, 1))
    source = make.scene()
    source.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(source)
    decoded = picture(data)
    assert (decoded.width, decoded.height) == upright.size == ((64, 96) if orientation > 4 else (96, 64))
    assert np.abs(decoded.pixels.astype(int) - np.asarray(upright)).mean() < 4


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_large_pictures_are_scaled_and_keep_their_own_size_on_record(media_type, orientation, make):
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = picture(make.encode(make.scene(5000, 1000), exif=exif, **make.formats[media_type]))
    facts = (decoded.width, decoded.height, *decoded.pixels.shape[:2])
    assert facts == ((5000, 1000, 205, 1024) if orientation == 1 else (1000, 5000, 1024, 205))
    small = np.asarray(make.scene(1024, 205)).astype(int)
    turned = small if orientation == 1 else np.rot90(small, -1)
    assert np.abs(decoded.pixels.astype(int) - turned).mean() < 4


@pytest.mark.parametrize("width", [1100, 2100, 3000, 3100, 4100])
def test_a_jpeg_is_decoded_smaller_only_where_hash_and_blur_score_stay(width, make):
    """Against the same pixels in full, scaled down in one step."""
    jpeg = make.encode(make.scene(width, width * 3 // 4), format="JPEG", quality=90)
    full = make.encode(Image.open(io.BytesIO(jpeg)), format="BMP")
    quick, exact = picture(jpeg), picture(full)
    assert quick.pixels.shape == exact.pixels.shape
    assert np.abs(quick.pixels.astype(int) - exact.pixels).mean() < 1
    (one, _), (two, _) = pdq(quick.pixels), pdq(exact.pixels)
    assert (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).bit_count() <= 6, (
        "of 31 that may differ in one picture"
    )
    assert blurred(View(quick)) == pytest.approx(blurred(View(exact)), abs=0.02)


def test_a_jpeg_of_twelve_megapixels_is_decoded_at_half_its_size(make, monkeypatch):
    sizes, load = [], Image.Image.load
    # Nothing that a decoder returns shows at which size it worked.
    monkeypatch.setattr(Image.Image, "load", lambda image: sizes.append(image.size) or load(image))
    jpeg = make.encode(make.scene(4000, 3000), format="JPEG")
    sizes.clear()
    assert picture(jpeg).width == 4000
    assert max(sizes) == (2000, 1500)


def test_a_thread_of_a_picture_keeps_a_pixel_of_width(make):
    assert picture(make.encode(make.scene(1, 9000), format="PNG")).pixels.shape == (1024, 1, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode, make):
    grey = make.scene().convert("L")
    if mode in ("I;16", "I"):
        image = Image.fromarray(np.asarray(grey).astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    else:
        image = make.scene().convert(mode)
    stored = "PNG" if mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else "TIFF"
    expected = image.convert("RGB") if mode not in ("I;16", "I", "F") else grey.convert("RGB")
    decoded = picture(make.encode(image, format=stored))
    assert np.abs(decoded.pixels.astype(int) - np.asarray(expected)).max() <= 1


def test_cmyk_jpeg(make):
    data = make.encode(make.scene().convert("CMYK"), format="JPEG", quality=95)
    assert np.abs(picture(data).pixels.astype(int) - np.asarray(make.scene())).mean() < 8


def test_numbers_without_a_scale_are_stretched(make):
    ramp = np.linspace(-5e6, 5e6, 64 * 64).reshape(64, 64)
    for values in (
        ramp.astype(np.float32),
        ramp.astype(np.int32),
        np.where(ramp > 4e6, np.nan, ramp).astype(np.float32),
    ):
        pixels = picture(make.encode(Image.fromarray(values), format="TIFF")).pixels
        assert pixels.min() == 0
        assert pixels.max() == 255


@pytest.mark.parametrize("transparent", ["RGBA", "LA", "palette", "colour"])
def test_transparency_lies_over_white(transparent, make):
    if transparent == "RGBA":
        data = make.encode(Image.new("RGBA", (8, 8), (200, 0, 0, 0)), format="PNG")
    elif transparent == "LA":
        data = make.encode(Image.new("LA", (8, 8), (20, 0)), format="PNG")
    elif transparent == "palette":
        data = make.encode(Image.new("P", (8, 8), 3), format="GIF", transparency=3)
    else:
        data = make.encode(Image.new("RGB", (8, 8), (9, 8, 7)), format="PNG", transparency=(9, 8, 7))
    assert (picture(data).pixels == BACKGROUND).all()


def test_half_transparent_edges_keep_their_colour_when_scaled(make):
    image = Image.new("RGBA", (4096, 4096), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 2050, 4096))
    pixels = picture(make.encode(image, format="PNG")).pixels.astype(int)
    assert (pixels[..., 0] >= 250).all()  # red over white is never darkened by the black of what is not there


@pytest.mark.parametrize("media_type", ["image/gif", "image/webp", "image/png", "image/tiff", "image/avif"])
def test_animations_are_counted_and_limited(media_type, make):
    frames = [make.scene().rotate(90 * turn) for turn in range(4)]
    options = {**make.formats[media_type], "save_all": True, "append_images": frames[1:]}
    data = make.encode(frames[0], **options)
    assert len(decode(data).parts) == 4
    assert reason(data, Limits(max_frames=3)) == "too_large"


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (100_000_001, 1)])
def test_bombs_are_refused_by_their_header(size):
    assert reason(png_header(*size)) == "too_many_pixels"


def test_the_limit_on_pixels_is_exact(make):
    data = make.encode(make.scene(40, 25), format="PNG")
    assert picture(data, Limits(max_pixels=1000)).width == 40
    assert reason(data, Limits(max_pixels=999)) == "too_many_pixels"


def test_the_limit_of_an_upload_does_not_stay_with_the_process(make):
    data, before = make.encode(make.scene(40, 25), format="PNG"), Image.MAX_IMAGE_PIXELS
    picture(data, Limits(max_pixels=1000))
    reason(data, Limits(max_pixels=1))
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "media_type", ["image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp", "image/avif"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_ends_early_is_undecodable(media_type, share, valid):
    data = valid[media_type]
    assert reason(data[: int(len(data) * share)]) in ("undecodable", "unsupported_type")


def test_a_png_with_a_wrong_checksum_is_undecodable(valid):
    data = bytearray(valid["image/png"])
    place = data.index(b"IDAT") + 40
    data[place] ^= 1
    assert reason(bytes(data)) == "undecodable"


def test_broken_exif_does_not_hide_a_good_picture(make):
    data = make.encode(make.scene(), format="JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert picture(data).width == 96


def test_the_same_bytes_give_the_same_pixels(valid):
    for data in valid.values():
        assert told(decode(data)) == told(decode(data))


def test_the_main_picture_of_heic_comes_first_whatever_its_number(make):
    document = decode(make.two_heic)
    assert [(part.place, part.role) for part in document.parts] == [("picture", "main"), ("picture 1", "rest")]
    main, other = (part.content.pixels.astype(int) for part in document.parts)
    assert np.abs(main - np.asarray(make.scene(64, 48).rotate(180))).mean() < 12
    assert np.abs(other[::-1, ::-1] - main).mean() < 12


def test_heic_of_too_many_pixels_is_refused_by_its_header(make):
    assert reason(make.two_heic, Limits(max_pixels=2 * 64 * 48 - 1)) == "too_many_pixels"
    assert decode(make.two_heic, Limits(max_pixels=2 * 64 * 48)).parts


def test_a_film_in_heic_is_not_looked_at(make):
    document = decode(make.two_heic + struct.pack(">I4s", 8, b"moov"))
    assert [each.what for each in document.not_looked_at] == ["film"]
