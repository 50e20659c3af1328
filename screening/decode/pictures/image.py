"""Decode images with Pillow into upright RGB, at a size that all checks and classifiers share."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import (  # only the formats whose plugins are imported can be opened
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401 (the plugin of JPEG imports it late)
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from screening.content import Document, Picture
from screening.content.kinds import MAX_SIDE
from screening.decode.assembly import Assembly
from screening.decode.limits import Fields, Limits
from screening.decode.pictures.alike import Unlike
from screening.decode.pictures.behind import FILM, behind, jpegs
from screening.decode.pictures.heif import FORMAT, HEIF, holds_film
from screening.decode.pictures.pieces import check_pieces
from screening.decode.pictures.variants import unsupported
from screening.decode.sniff import Sniffed
from screening.errors import UploadError
from screening.records import Role

BACKGROUND = (255, 255, 255)  # shows through a transparent image: the white of a page
PIXEL = 4  # bytes: 8-bit RGBA, CMYK and everything smaller; a pixel with more bytes counts as several
DRAFT = 1.5  # a JPEG is decoded to at least 1.5 times its final size: at 1, its blocks show in blur scores and hashes
ORIENTATION = 0x0112  # EXIF 2.32 § 4.6.4; `UPRIGHT` has the turn that sets each value upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
FRAME_SIDE = 512  # pixels of an animation's further frames, of which there are many; PDQ looks at no more
PAGED = {
    "image/tiff": "page",
    **dict.fromkeys(("image/jpeg", *HEIF), "picture"),
}  # their further pictures are no frames of an animation
FORMATS = {
    "image/jpeg": (JpegImagePlugin.JpegImageFile.format,),  # includes MPO, which opens as JPEG
    "image/png": (PngImagePlugin.PngImageFile.format,),
    "image/webp": (WebPImagePlugin.WebPImageFile.format,),
    "image/gif": (GifImagePlugin.GifImageFile.format,),
    "image/tiff": (TiffImagePlugin.TiffImageFile.format,),
    "image/bmp": (BmpImagePlugin.BmpImageFile.format,),
    "image/avif": (AvifImagePlugin.AvifImageFile.format,),
    **dict.fromkeys(HEIF, (FORMAT,)),
}
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # several processes run at once already, and threads take address space


def picture(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return an image as a document of its pictures: `picture`, and the further frames or pages.

    Raises UploadError as `add_pictures` does.
    """
    made = Assembly(sniffed.media_type, limits)
    add_pictures(made, sniffed, limits)
    rest = behind(sniffed.media_type, sniffed.data)
    if rest and rest.what == FILM:
        made.missed(FILM, "films are not supported yet")
    document = made.document()
    if rest and rest.what != FILM and not rest.harmless:
        return replace(document, trailing=rest.what, trailing_bytes=rest.size)
    return document


def add_pictures(made: Assembly, sniffed: Sniffed, limits: Limits, within: str = "", role: Role = "main") -> None:
    """Add every picture of an image file, upright and over white; large ones are scaled down to fit `MAX_SIDE`.

    The first has the `role`, and its place begins with `within`. Frames and pages that look like an earlier one are
    left out; what `limits.frames` leaves out, or can't be decoded, is recorded as not looked at. Colour profiles are
    not applied. Raises UploadError with `too_complex` or `too_many_pixels` (told from headers, before anything is
    decoded), `too_large` (too many frames), `unsupported_variant` (sound, but Pillow can't decode it) or `undecodable`
    (also if the data of the first picture ends early).
    """
    if not made.room:
        made.left_out("picture")
        return
    media_type, data = sniffed.media_type, io.BytesIO(sniffed.data)
    check_pieces(media_type, sniffed.data, limits)
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limits.max_pixels  # for sizes that only a frame's header tells; Pillow refuses twice this
    try:
        _add(made, media_type, data, limits, within, role)
        if media_type in HEIF and holds_film(sniffed.data):
            made.missed("film", "only the pictures in the file are looked at")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UploadError("too_many_pixels", type(error).__name__) from None
    except (UploadError, MemoryError):
        raise
    except Exception:  # raised again, unless the file is a sound variant
        if variant := unsupported(media_type, sniffed.data):
            raise UploadError("unsupported_variant", variant) from None
        raise
    finally:
        Image.MAX_IMAGE_PIXELS = before  # it holds for the whole process, which may open images of its own


def _add(made: Assembly, media_type: str, data: io.BytesIO, limits: Limits, within: str, role: Role) -> None:
    with Image.open(data, formats=FORMATS[media_type]) as image:
        _check_size(media_type, image, limits)
        image.verify()  # checksums; the image can't be used after it
    data.seek(0)
    with Image.open(data, formats=FORMATS[media_type]) as image:
        is_jpeg = media_type == "image/jpeg"  # Pillow finds fewer of the pictures in one than there are
        places = jpegs(data.getvalue(), limits.max_frames + 1) if is_jpeg else []
        frames = len(places) or int(getattr(image, "n_frames", 1))
        if frames > limits.max_frames:
            raise UploadError("too_large", f"{frames} frames, limit {limits.max_frames}")
        first = _frame(media_type, image)
        made.picture(f"{within}picture", role, first)
        unlike = Unlike(first.pixels if frames > 1 else None)
        others = [
            number for number in range(frames) if number != image.tell()
        ]  # HEIF says which of its is the main one
        for seen, number in enumerate(others):
            if not made.room:
                made.left_out("frame", len(others) - seen)
                return
            try:
                if is_jpeg:
                    start, end = places[number]
                    found = _alone(media_type, data.getvalue()[start:end], limits)
                else:
                    image.seek(number)
                    _check_size(media_type, image, limits)
                    found = _frame(media_type, image, MAX_SIDE if media_type in PAGED else FRAME_SIDE)
            except MemoryError:
                raise
            except Exception as error:  # viewers show those before it
                why = str(error) if isinstance(error, UploadError) else f"undecodable: {type(error).__name__}"
                made.missed("frame", why, len(others) - seen)
                return
            if unlike.is_new(found.pixels):
                made.picture(f"{within}{PAGED.get(media_type, 'frame')} {number + 1}", "rest", found)


def _alone(media_type: str, data: bytes, limits: Limits) -> Picture:
    with Image.open(io.BytesIO(data), formats=FORMATS[media_type]) as image:
        _check_size(media_type, image, limits)
        return _frame(media_type, image)


def _check_size(media_type: str, image: ImageFile.ImageFile, limits: Limits) -> None:
    width, height = image.size
    most = limits.max_pixels * PIXEL // max(PIXEL, _bytes_a_pixel(media_type, image))
    if width * height > most:
        raise UploadError("too_many_pixels", f"{width}×{height}, limit {most} of this kind")


def _frame(media_type: str, image: ImageFile.ImageFile, side: int = MAX_SIDE) -> Picture:
    width, height = image.size
    fitted = _fit(width, height, side)
    if media_type == "image/jpeg":
        image.draft(None, (round(DRAFT * fitted[0]), round(DRAFT * fitted[1])))
    image.load()
    if media_type == "image/tiff":  # Pillow has turned it upright already
        width, height = image.size
        fitted = _fit(width, height, side)
    orientation = _orientation(image)
    scaled = _to_rgb(image, fitted)
    if (turn := UPRIGHT.get(orientation)) is not None:
        scaled = scaled.transpose(turn)
        width, height = (height, width) if orientation >= 5 else (width, height)
    pixels: npt.NDArray[np.uint8] = np.frombuffer(scaled.tobytes(), np.uint8)
    return Picture(width, height, pixels.reshape(scaled.height, scaled.width, 3))


def _bytes_a_pixel(media_type: str, image: ImageFile.ImageFile) -> int:
    """Return the bytes that decoding handles per pixel: all bands of the file, even if Pillow keeps 8 bits of each.

    WebP and HEIF count double, since their decoders hold two frames, one of colours and one of brightness.
    """
    raw = str(image.tile[0].args if image.tile else "")
    wide = 2 if ";16" in raw else 4 if image.mode in ("I", "F") else 1
    return 2 * PIXEL if media_type in ("image/webp", *HEIF) else len(image.getbands()) * wide


def _fit(width: int, height: int, side: int) -> tuple[int, int]:
    shrink = max(1.0, max(width, height) / side)
    return max(1, round(width / shrink)), max(1, round(height / shrink))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken EXIF is common, and viewers then show the picture as it is stored
        return 1


def _to_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return 8-bit RGB of `size`, making few copies, since a picture may have 100 megapixels."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image, size).convert("RGB")
    if image.has_transparency_data:
        layer = _resize(image.convert("RGBA"), size)
        page = Image.new("RGBA", size, BACKGROUND)
        return Image.alpha_composite(page, layer).convert("RGB")
    return _resize(image.convert("RGB"), size)


def _eight_bits(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Reduce deeper grey to 8 bits: floats in 0..1 and 16-bit integers by their scale, others by their own range."""
    wide = image if image.mode in ("I", "F") else image.convert("I")
    values = np.nan_to_num(np.asarray(_resize(wide, size), np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    scale = 1.0 if image.mode == "F" else 65535.0
    if low < -0.1 * scale or high > 1.1 * scale:  # the resizing filter overshoots a little
        values, scale = values - low, high - low
    return Image.fromarray(np.clip(np.round(values * (255 / scale)), 0, 255).astype(np.uint8), "L")


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
