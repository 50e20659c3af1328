"""Images by Pillow: upright RGB at a size that every check and classifier can share."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import (  # the plugins that are imported are the formats that can be opened
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401 (the plugin of JPEG asks for it late)
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from screening.decode.limits import MAX_SIDE as MAX_SIDE
from screening.decode.limits import Fields, Limits
from screening.decode.pieces import check_pieces
from screening.decode.sniff import Sniffed
from screening.decode.variants import unsupported
from screening.errors import UploadError
from screening.records import Picture

BACKGROUND = (255, 255, 255)  # what shows through a transparent image: the white of a page
PIXEL = 4  # bytes: eight-bit RGBA, CMYK and all that is smaller; what has more counts as more pixels
DRAFT = 1.5  # a JPEG is decoded to at least so many times what is kept: at 1 its blocks show in blur scores and hashes
ORIENTATION = 0x0112  # EXIF 2.32 § 4.6.4; the turns that set each value upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
FORMATS = {
    "image/jpeg": (JpegImagePlugin.JpegImageFile.format,),  # MPO too, which opens as JPEG
    "image/png": (PngImagePlugin.PngImageFile.format,),
    "image/webp": (WebPImagePlugin.WebPImageFile.format,),
    "image/gif": (GifImagePlugin.GifImageFile.format,),
    "image/tiff": (TiffImagePlugin.TiffImageFile.format,),
    "image/bmp": (BmpImagePlugin.BmpImageFile.format,),
    "image/avif": (AvifImagePlugin.AvifImageFile.format,),
}
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # processes run side by side already, and threads take address space


def picture(sniffed: Sniffed, limits: Limits, _: Fields) -> Picture:
    """The first frame of an image, upright, over white, scaled to fit `MAX_SIDE` when larger.

    UploadError too_complex and too_many_pixels (told from headers, before anything is decoded), too_large (frames),
    unsupported_variant (sound, but not for Pillow), undecodable (also when the data ends early). Colour profiles are
    not applied.
    """
    media_type, data = sniffed.media_type, io.BytesIO(sniffed.data)
    check_pieces(media_type, sniffed.data, limits)
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limits.max_pixels  # for what only a frame's own header tells; Pillow refuses twice this
    try:
        return _decode(media_type, data, limits)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UploadError("too_many_pixels", type(error).__name__) from None
    except (UploadError, MemoryError):
        raise
    except Exception:  # raised again, unless it is no fault of the file
        if variant := unsupported(media_type, sniffed.data):
            raise UploadError("unsupported_variant", variant) from None
        raise
    finally:
        Image.MAX_IMAGE_PIXELS = before  # it is the whole process's, which may open images of its own


def _decode(media_type: str, data: io.BytesIO, limits: Limits) -> Picture:
    with Image.open(data, formats=FORMATS[media_type]) as image:
        width, height = image.size
        most = limits.max_pixels * PIXEL // max(PIXEL, _bytes_a_pixel(media_type, image))
        if width * height > most:
            raise UploadError("too_many_pixels", f"{width}×{height}, limit {most} of this kind")
        image.verify()  # checksums; the image can't be used after it
    data.seek(0)
    with Image.open(data, formats=FORMATS[media_type]) as image:
        # a JPEG's further images are previews and depth maps
        frames = 1 if media_type == "image/jpeg" else int(getattr(image, "n_frames", 1))
        if frames > limits.max_frames:
            raise UploadError("too_large", f"{frames} frames, limit {limits.max_frames}")
        fitted = _fit(width, height)
        if media_type == "image/jpeg":
            image.draft(None, (round(DRAFT * fitted[0]), round(DRAFT * fitted[1])))
        image.load()
        if media_type == "image/tiff":  # has turned itself upright
            width, height = image.size
            fitted = _fit(width, height)
        orientation = _orientation(image)
        scaled = _to_rgb(image, fitted)
    if (turn := UPRIGHT.get(orientation)) is not None:
        scaled = scaled.transpose(turn)
        width, height = (height, width) if orientation >= 5 else (width, height)
    pixels: npt.NDArray[np.uint8] = np.frombuffer(scaled.tobytes(), np.uint8)
    return Picture(media_type, width, height, frames, pixels.reshape(scaled.height, scaled.width, 3))


def _bytes_a_pixel(media_type: str, image: ImageFile.ImageFile) -> int:
    """What decoding goes through for a pixel: its bands in the file, which Pillow may shorten to eight bits each.

    WebP holds two frames, in colours and in brightness.
    """
    raw = str(image.tile[0].args if image.tile else "")
    wide = 2 if ";16" in raw else 4 if image.mode in ("I", "F") else 1
    return 2 * PIXEL if media_type == "image/webp" else len(image.getbands()) * wide


def _fit(width: int, height: int) -> tuple[int, int]:
    shrink = max(1.0, max(width, height) / MAX_SIDE)
    return max(1, round(width / shrink)), max(1, round(height / shrink))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken EXIF is common and viewers show the picture as it lies
        return 1


def _to_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Eight-bit RGB of `size`; few copies, since a picture may be 100 megapixels."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image, size).convert("RGB")
    if image.has_transparency_data:
        layer = _resize(image.convert("RGBA"), size)
        page = Image.new("RGBA", size, BACKGROUND)
        return Image.alpha_composite(page, layer).convert("RGB")
    return _resize(image.convert("RGB"), size)


def _eight_bits(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Grey of more than eight bits: 0..1 floats and 16-bit whole numbers by their scale, all else stretched."""
    wide = image if image.mode in ("I", "F") else image.convert("I")
    values = np.nan_to_num(np.asarray(_resize(wide, size), np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    scale = 1.0 if image.mode == "F" else 65535.0
    if low < -0.1 * scale or high > 1.1 * scale:  # the filter overshoots a little
        values, scale = values - low, high - low
    return Image.fromarray(np.clip(np.round(values * (255 / scale)), 0, 255).astype(np.uint8), "L")


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
