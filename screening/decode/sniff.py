"""Tell what an upload is from its bytes alone, never from its name or the type that it claims.

Signatures follow WHATWG MIME Sniffing (https://mimesniff.spec.whatwg.org) and the formats' own standards.
Formats that can't be decoded are named as well, so that the uploader learns what was refused. Decoders of video and
audio will be added under these names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from screening.content.kinds import HTML, JSON, MARKDOWN, PLAIN
from screening.decode.archive import archive_type
from screening.decode.charset import read_text

BINARY, ZIP = "application/octet-stream", "application/zip"
OLE = "application/x-ole-storage"
LOCKED = "EncryptedPackage".encode("utf-16-le")  # the stream of an Office file with a password (MS-OFFCRYPTO § 1.3.3)

SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"BZh", "application/x-bzip2"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"OggS\0", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"FLV\x01", "video/x-flv"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
    (b"MThd\0\0", "audio/midi"),
    (b"#!AMR", "audio/amr"),
    (b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    (b"\0\0\x02\0", "image/vnd.microsoft.icon"),
    (b"8BPS\0", "image/vnd.adobe.photoshop"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL ", "image/jxl"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"DDS |\0", "image/vnd.ms-dds"),
    (b"icns\0", "image/icns"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"\x7fELF", "application/x-executable"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf"),
    (b"PAR1", "application/vnd.apache.parquet"),
)
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
BRANDS = {  # ISO/IEC 14496-12: the major brand of the `ftyp` box
    b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic",
    b"heim": "image/heic", b"heis": "image/heic", b"mif1": "image/heif", b"msf1": "image/heif",
    b"hevc": "image/heic-sequence", b"hevx": "image/heic-sequence", b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"3gp4": "video/3gpp", b"3gp5": "video/3gpp",
}  # fmt: skip
BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})  # sizes of the DIB header, in bytes

# WHATWG MIME Sniffing § 7.1, and further elements that pages and articles begin with
MARKUP = re.compile(
    r"\s*<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|article"
    r"|section|main)(?=[\s/>])|\s*<!--",
    re.IGNORECASE,
)
# RFC 2557: a saved page, whose texts may stand in base64, and which browsers show
SAVED_PAGE = re.compile(
    r"(?=[\s\S]{0,4000}^MIME-Version:)(?=[\s\S]{0,4000}^Content-Type:\s*multipart/related)",
    re.IGNORECASE | re.MULTILINE,
)
OBJECT = re.compile(r"\s*\{\s*[\"}]")
ARRAY = re.compile(r"\s*\[\s*(?:\{\s*[\"}]|[\[\"\]\d])")  # and must end with `]`: `[1] Miller, 1999` is a reference
MARKDOWN_BLOCK = re.compile(
    r"^(?:#{1,6} \S|```|~~~|\|.*\|\s*\n\|[\s:|-]+\||.+\n=====*\s*$)|\A---\n(?:\w[\w-]*:.*\n)+---\s*$", re.MULTILINE
)
MARKDOWN_INLINE = re.compile(r"!?\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)|\*\*[^*\s][^*\n]{0,200}\*\*|(?<!`)`[^`\n]{1,200}`")
MARKDOWN_LIST = re.compile(r"^(?:[-*+] |\d{1,3}\. |> )\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Some bytes with their media type, and their text if they are text (otherwise "").

    `plain` says that a text may be shown as plain text, whatever it looks like.
    """

    media_type: str
    data: bytes
    text: str = ""
    plain: bool = False


def sniff(data: bytes) -> str:
    """Return the media type of `data`, or `application/octet-stream` if it is unknown."""
    return examine(data).media_type


def examine(data: bytes) -> Sniffed:
    """Return the media type of `data` and, if it is text, the text, with plain newlines and no byte order mark."""
    if media_type := _binary_type(data):
        media_type = archive_type(data) if media_type == ZIP else media_type
        return Sniffed(media_type, data)
    text = read_text(data)
    if text is None:
        return Sniffed(_doubtful_type(data), data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Sniffed(text_type(text), data, text)


def is_locked(sniffed: Sniffed) -> bool:
    """Return whether an upload is an Office file with a password."""
    return sniffed.media_type == OLE and LOCKED in sniffed.data


def text_type(text: str) -> str:
    """Return the media type of a text: JSON, HTML, other XML, Markdown or plain."""
    if OBJECT.match(text) or (ARRAY.match(text) and text.rstrip().endswith("]")):
        return JSON
    head = text[:1024]
    if MARKUP.match(head):
        return HTML
    if head.lstrip().startswith("<?xml") or head.lstrip()[:4].lower() == "<svg":
        lowered = head.lower()
        return "image/svg+xml" if "<svg" in lowered else HTML if "<html" in lowered else "application/xml"
    if SAVED_PAGE.match(text):
        return "multipart/related"
    sample = text[:65536]
    kinds = sum(bool(kind.search(sample)) for kind in (MARKDOWN_INLINE, MARKDOWN_LIST))
    if MARKDOWN_BLOCK.search(sample) or kinds == 2 or len(MARKDOWN_INLINE.findall(sample)) > 1:
        return MARKDOWN
    return PLAIN


def _binary_type(data: bytes) -> str:
    for signature, media_type in SIGNATURES:
        if data.startswith(signature):
            return media_type
    if data[:4] == b"RIFF":
        return RIFF.get(data[8:12], BINARY)
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if b"avif" in data[16 : max(16, min(int.from_bytes(data[:4], "big"), 256))]:
            brand = b"avif"  # a still image may have `mif1` as its major brand
        return BRANDS.get(brand, "video/mp4")
    if data[:4] == b"\1\0\0\0" and data[40:44] == b" EMF":
        return "image/emf"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in BITMAP_HEADERS:
        return "image/bmp"
    return ""


def _doubtful_type(data: bytes) -> str:
    """Return the type of bytes that are not text, for formats whose signature is too weak to outweigh text."""
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xE6 == 0xE2):
        return "audio/mpeg"
    if data[:1] == b"\xff" and len(data) > 1 and data[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if data[:1] == b"\x47" and data[188:189] == b"\x47":
        return "video/mp2t"
    return "application/x-msdownload" if data[:2] == b"MZ" else BINARY
