"""Tell sound pictures of a variant that Pillow can't decode from broken files, by their headers.

This only names the variant. A file whose header and length don't confirm it counts as broken.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_

from PIL import BmpImagePlugin, ImageFile, JpegImagePlugin, TiffImagePlugin

BITFIELDS = 3  # BITMAPINFOHEADER's biCompression, from wingdi.h
BMP_COMPRESSIONS = {4: "JPEG", 5: "PNG", 6: "bit fields with alpha", 11: "CMYK", 12: "CMYK, RLE8", 13: "CMYK, RLE4"}
# ITU-T T.81 table B.1: the frames other than baseline, extended sequential and progressive
JPEG_FRAMES = {0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical", 0xCB: "lossless"}
# TIFF 6.0 § 8 and its supplements: each photometric interpretation, with the least samples per pixel that it needs
PHOTOMETRIC = {
    0: ("grey", 1), 1: ("grey", 1), 2: ("RGB", 3), 3: ("palette", 1), 4: ("mask", 1), 5: ("separated", 4),
    6: ("YCbCr", 3), 8: ("Lab", 3), 9: ("ICC Lab", 3), 10: ("ITU Lab", 3), 32803: ("colour filter array", 1),
    32844: ("LogL", 1), 32845: ("LogLuv", 3), 34892: ("linear raw", 1),
}  # fmt: skip
SAMPLE = {1: "whole numbers", 2: "signed numbers", 3: "floats", 5: "complex numbers", 6: "complex numbers"}
DEPTHS = frozenset(
    {1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64}
)  # bits per sample; complex numbers may have 128, but no file does


def unsupported(media_type: str, data: bytes) -> str:
    """Return the variant of a picture that Pillow failed to decode, and a fix; "" if the file is or may be broken."""
    if media_type not in _VARIANTS:
        return ""
    plugin, variant = _VARIANTS[media_type]
    try:
        with plugin(io.BytesIO(data)):
            complaint = ""
    except Exception as error:  # a plugin may raise anything on such a file; only the message is used
        complaint = str(error)
    try:
        return variant(data, complaint)
    except (IndexError, KeyError, TypeError, ValueError, OSError, SyntaxError, struct.error):
        return ""  # the header can't be read


def _bmp(data: bytes, complaint: str) -> str:
    size, width, height, planes, bits, compression = struct.unpack_from("<IiiHHI", data, 14)
    start = struct.unpack_from("<I", data, 10)[0]
    if planes != 1 or width <= 0 or height == 0 or start >= len(data) or size < 40:
        return ""
    whole = start + (width * bits + 31) // 32 * 4 * abs(height) <= len(data)
    if "bitfields layout" in complaint and whole:
        masks = [mask for mask in struct.unpack_from(f"<{4 if size >= 56 else 3}I", data, 54) if mask]
        if len(masks) >= 3 and sum(masks) == reduce(or_, masks) < 1 << bits and all(map(_contiguous, masks)):
            return f"BMP with {bits} bits a pixel in an unusual order; save it with 24 or 32 bits, or as PNG"
    if "compression" in complaint and compression in BMP_COMPRESSIONS:
        return f"BMP with the compression {BMP_COMPRESSIONS[compression]}; save it without, or as PNG"
    if "pixel depth" in complaint and bits in (2, 64) and whole:
        return f"BMP with {bits} bits a pixel; save it with 24 or 32 bits, or as PNG"
    return ""


def _contiguous(mask: int) -> bool:
    return (mask // (mask & -mask) + 1).bit_count() == 1


def _tiff(data: bytes, complaint: str) -> str:
    if complaint != "unknown pixel mode":
        return ""
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8] if data[2:4] in (b"*\0", b"\0*") else data[:16])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    samples, bits = int(tags.get(277, 1)), {int(depth) for depth in tags[258]}
    colours, least = PHOTOMETRIC[int(tags[262])]
    kinds = {int(kind) for kind in tags.get(339, (1,))}
    places, sizes = (tags.get(324) or tags[273]), (tags.get(325) or tags[279])
    held = len(places) == len(sizes) and all(
        place + size <= len(data) for place, size in zip(places, sizes, strict=True)
    )
    if not held or samples < least or not bits <= DEPTHS or not kinds <= set(SAMPLE):
        return ""
    depth, kind = "/".join(map(str, sorted(bits))), "/".join(SAMPLE[kind] for kind in sorted(kinds))
    return f"TIFF of {samples} samples a pixel ({colours}), {depth}-bit {kind}; save it as 8-bit RGB"


def _jpeg(data: bytes, complaint: str) -> str:
    place = 2
    while data[place] == 0xFF:
        marker, length = data[place + 1], struct.unpack_from(">H", data, place + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            break
        place += 2 + length
    depth, samples = data[place + 4], data[place + 9]
    if length != 8 + 3 * samples or b"\xff\xd9" not in data[-64:]:
        return ""
    kind = JPEG_FRAMES.get(marker, "")
    if kind and 2 <= depth <= 16:
        return f"{kind} JPEG; save it as baseline or progressive"
    if (depth == 12 and "bit layers" in complaint) or (samples == 2 and "layer images" in complaint):
        return f"JPEG of {samples} components with {depth} bits each; save it with 8 bits as grey, RGB or CMYK"
    return ""


_VARIANTS: Mapping[str, tuple[Callable[[io.BytesIO], ImageFile.ImageFile], Callable[[bytes, str], str]]] = {
    "image/bmp": (BmpImagePlugin.BmpImageFile, _bmp),
    "image/tiff": (TiffImagePlugin.TiffImageFile, _tiff),
    "image/jpeg": (JpegImagePlugin.JpegImageFile, _jpeg),
}
