"""Papers made by code: the smallest files that hold what a test is about."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from PIL import Image

from screening.decode.sandbox.canaries import packed

TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OPEN = 'xmlns:office="o" xmlns:text="t" xmlns:style="s" xmlns:draw="d" xmlns:svg="v" xmlns:dc="c"'


def pdf(
    pages: Sequence[str],
    *,
    picture: Image.Image | None = None,
    catalog: str = "",
    info: str = "",
    trailer: str = "",
    notes: str = "",
) -> bytes:
    """A PDF with a text on each page, each with the picture, and with the annotations on the first."""
    objects = [f"<</Type /Catalog /Pages 2 0 R {catalog}>>".encode()]
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<</Type /Pages /Kids [{kids}] /Count {len(pages)}>>".encode())
    objects.append(b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>")
    image = picture or Image.new("RGB", (1, 1))
    header = f"/Type /XObject /Subtype /Image /Width {image.width} /Height {image.height} /BitsPerComponent 8"
    objects.append(stream(zlib.compress(image.tobytes()), f"{header} /ColorSpace /DeviceRGB /Filter /FlateDecode"))
    for number, text in enumerate(pages):
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n"))
        shown = f"BT /F 12 Tf 20 800 Td {lines} ET" if text else ""
        drawn = "q 400 0 0 300 20 20 cm /I Do Q" if picture else ""
        own = f"/Annots [{notes}]" if notes and not number else ""
        objects.append(
            f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {6 + 2 * number} 0 R {own} "
            "/Resources <</Font <</F 3 0 R>> /XObject <</I 4 0 R>>>>>>".encode()
        )
        objects.append(stream(f"{shown} {drawn}".encode()))
    body = b"".join(b"%d 0 obj %b endobj\n" % (number, each) for number, each in enumerate(objects, 1))
    return (
        b"%PDF-1.7\n"
        + body
        + f"98 0 obj <<{info}>> endobj\ntrailer <</Root 1 0 R /Info 98 0 R {trailer}>>\n%%EOF\n".encode()
    )


def stream(data: bytes, header: str = "") -> bytes:
    """A stream of a PDF."""
    return f"<</Length {len(data)} {header}>> stream\n".encode() + data + b"\nendstream"


def docx(body: str, files: Mapping[str, str | bytes] = {}) -> bytes:
    """A Word file of a body, in Word's XML, and of further files."""
    document = f'<?xml version="1.0"?><w:document {W}><w:body>{body}</w:body></w:document>'
    return packed({"[Content_Types].xml": TYPES, "word/document.xml": document, **files})


def words(*paragraphs: str) -> str:
    """Paragraphs in Word's XML."""
    return "".join(f"<w:p><w:r><w:t>{each}</w:t></w:r></w:p>" for each in paragraphs)


def odt(body: str, files: Mapping[str, str | bytes] = {}, styles: str = "") -> bytes:
    """An OpenDocument text of a body, in its XML, and of further files."""
    content = (
        f"<office:document-content {OPEN}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    return packed({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content, **files})


def epub(chapters: Mapping[str, str], files: Mapping[str, str | bytes] = {}, facts: str = "") -> bytes:
    """A book of chapters, by their paths below its folder, in this order, and of further files."""
    items = "".join(f'<item id="i{number}" href="{name}"/>' for number, name in enumerate(chapters))
    spine = "".join(f'<itemref idref="i{number}"/>' for number in range(len(chapters)))
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="c">{facts}</metadata>'
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    pages = {
        f"OPS/{name}": f'<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title/></head><body>{body}</body></html>"
        for name, body in reversed(chapters.items())
    }
    return packed({"mimetype": "application/epub+zip", "OPS/book.opf": package, **pages, **files})
