"""Decode PDF with PDFium: the text of its pages, what is written on them later, and how each page looks."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from itertools import islice
from math import isqrt

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as api

from screening.content import Document, Picture
from screening.content.kinds import MAX_SIDE, PDF
from screening.decode.assembly import Assembly, check_length
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed
from screening.decode.texts.reader import Reader
from screening.errors import UploadError
from screening.records import Role

LOCKED = (api.FPDF_ERR_PASSWORD, api.FPDF_ERR_SECURITY)
LINES = 100  # paths of a page that are rules, boxes and underlines; a page with more may show a drawing
MOST_PATHS = 20_000  # that are drawn in one document; one as long as a page costs 140 µs
DEEP = 16  # objects within objects of a page
MOST_TITLES = 5_000  # of the outline
HYPHEN = re.compile("[\x02\ufffe]\r?\n?")  # how PDFium writes a hyphen that only the end of a line asked for
FILMS = frozenset((
    api.FPDF_ANNOT_SOUND, api.FPDF_ANNOT_MOVIE, api.FPDF_ANNOT_SCREEN, api.FPDF_ANNOT_THREED, api.FPDF_ANNOT_RICHMEDIA,
))  # fmt: skip
FAR = 1e6  # points, well beyond any page


class _NoFonts(pdfium.PdfSysfontBase):  # type: ignore[misc]  # pypdfium2 has no types
    """No font of the machine is used: pages must look the same everywhere, and files can't be read behind the walls.

    PDFium then takes those that it brings, for fonts that a PDF does not hold itself.
    """

    def EnumFonts(self, *_: object) -> None:
        """Name no font."""

    def MapFont(self, *_: object) -> None:
        """Find no font."""

    GetFont = MapFont


_NoFonts().setup()


def pdf(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return a PDF: its text, title, outline, annotations and form fields, and a picture of each page.

    Pages of text alone give way to those with pictures. Raises UploadError with `encrypted`, `undecodable`, `no_text`,
    `too_large` (pages, characters), `too_many_pixels` (of a picture in it) or `too_complex`.
    """
    try:
        document = pdfium.PdfDocument(sniffed.data)
    except pdfium.PdfiumError as error:
        reason = "encrypted" if error.err_code in LOCKED else "undecodable"
        raise UploadError(reason, f"{PDF}: {error}"[:200]) from None
    try:
        return _read(document, limits)
    finally:
        document.close()


def _read(document: pdfium.PdfDocument, limits: Limits) -> Document:
    document.init_forms()
    if len(document) > limits.max_frames:
        raise UploadError("too_large", f"{len(document)} pages, limit {limits.max_frames}")
    reader = Reader(PDF, limits)
    texts: list[str] = []
    notes: list[str] = []
    drawn: list[tuple[int, int]] = []  # the number and the paths of each page with pictures or drawings
    plain: list[tuple[int, int]] = []
    characters = pieces = 0
    for number, page in enumerate(document):
        text = _text(page)
        characters += len(text)
        check_length(characters, limits)
        texts.append(text)
        annotations = list(_annotations(document, page, reader.made))
        for address, says in _links(document, page):
            reader.made.link(f"page {number + 1}", address, says)
        notes += annotations
        paths, others = _count(page, limits)
        pieces += paths + others
        if pieces > limits.max_pieces:
            raise UploadError("too_complex", f"more than {limits.max_pieces} objects on the pages, the limit")
        (drawn if others or paths > LINES or annotations or not text else plain).append((number, paths))
        page.close()
    facts = document.get_metadata_dict()
    text = "\n\n".join(filter(None, texts))
    reader.main(text, facts.get("Title", ""))
    outline = (mark.get_title() for mark in islice(document.get_toc(max_depth=DEEP), MOST_TITLES))
    reader.strings({"annotations": notes, "outline": outline})
    reader.strings({"description": [facts.get(name, "") for name in ("Subject", "Keywords")]})
    _show(document, drawn, plain, reader.made, limits, whole=not text)
    _miss(document, reader.made)
    return reader.made.document()


def _text(page: pdfium.PdfPage) -> str:
    text: str = page.get_textpage().get_text_bounded(-FAR, -FAR, FAR, FAR)
    return HYPHEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def _annotations(document: pdfium.PdfDocument, page: pdfium.PdfPage, made: Assembly) -> Iterator[str]:
    """Yield what annotations and form fields of a page say."""
    for number in range(api.FPDFPage_GetAnnotCount(page)):
        note = api.FPDFPage_GetAnnot(page, number)
        if not note:
            continue
        kind = api.FPDFAnnot_GetSubtype(note)
        if kind in FILMS:
            made.missed("film or sound", "there is no reader for it inside a document")
        elif kind == api.FPDF_ANNOT_FILEATTACHMENT:
            made.missed("attached file", "there is no reader for it inside a document")
        yield from filter(None, (_string(api.FPDFAnnot_GetStringValue, note, name) for name in (b"Contents", b"V")))
        if kind == api.FPDF_ANNOT_WIDGET and document.formenv:
            yield _string(api.FPDFAnnot_GetFormFieldValue, document.formenv, note)
        api.FPDFPage_CloseAnnot(note)


def _links(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[tuple[str, str]]:
    """Yield the addresses that a page leads to, and what stands on it where one has to click."""
    words = None
    for number in range(api.FPDFPage_GetAnnotCount(page)):
        note = api.FPDFPage_GetAnnot(page, number)
        if not note:
            continue
        action = api.FPDFLink_GetAction(link) if (link := api.FPDFAnnot_GetLink(note)) else None
        if action and (size := api.FPDFAction_GetURIPath(document, action, None, 0)) > 1:
            buffer = ctypes.create_string_buffer(size)
            api.FPDFAction_GetURIPath(document, action, buffer, size)
            words = words or page.get_textpage()
            box = api.FS_RECTF()
            api.FPDFAnnot_GetRect(note, box)
            (left, right), (bottom, top) = sorted((box.left, box.right)), sorted((box.bottom, box.top))
            yield buffer.value.decode("utf-8", "replace"), words.get_text_bounded(left, bottom, right, top)
        api.FPDFPage_CloseAnnot(note)


def _string(ask: Callable[..., int], *about: object) -> str:
    """Return the string that a function of PDFium writes into a buffer, whose size in bytes it tells first."""
    size = ask(*about, None, 0)
    buffer = ctypes.create_string_buffer(size)
    ask(*about, ctypes.cast(buffer, ctypes.POINTER(api.FPDF_WCHAR)), size)
    return buffer.raw[:size].decode("utf-16-le", "replace").rstrip("\0")


def _count(page: pdfium.PdfPage, limits: Limits) -> tuple[int, int]:
    """Return how many paths, and how many pictures and shadings, a page has. Raises UploadError `too_many_pixels`."""
    paths = others = 0
    kinds = (api.FPDF_PAGEOBJ_PATH, api.FPDF_PAGEOBJ_IMAGE, api.FPDF_PAGEOBJ_SHADING)
    for each in page.get_objects(filter=kinds, max_depth=DEEP):
        if each.type == api.FPDF_PAGEOBJ_PATH:
            paths += 1
            if paths > limits.max_pieces:
                break
            continue
        others += 1
        if each.type == api.FPDF_PAGEOBJ_IMAGE:
            width, height = each.get_px_size()
            if width * height > limits.max_pixels:
                raise UploadError("too_many_pixels", f"{width}×{height} in a page, limit {limits.max_pixels}")
    return paths, others


def _show(
    document: pdfium.PdfDocument,
    drawn: list[tuple[int, int]],
    plain: list[tuple[int, int]],
    made: Assembly,
    limits: Limits,
    *,
    whole: bool,
) -> None:
    """Add pictures of the pages that there is room for; if `whole`, the document is nothing but pictures."""
    side = min(MAX_SIDE, isqrt(limits.max_pixels))
    left = MOST_PATHS
    for number, paths in sorted((drawn + plain)[: made.room]):
        if paths > left:
            made.missed("page", f"more than {MOST_PATHS} lines and shapes, on it and the pages before it")
            continue
        left -= paths
        page = document[number]
        scale = (side - 0.01) / max(1.0, *page.get_size())  # PDFium rounds the sides up
        bitmap = page.render(scale=scale, rev_byteorder=True)
        pixels = np.ascontiguousarray(bitmap.to_numpy()[..., :3])
        height, width = pixels.shape[:2]
        role: Role = "main" if whole and not number else "rest"
        made.picture(f"page {number + 1}", role, Picture(width, height, pixels))
        page.close()
    if len(drawn) > (room := max(1, limits.frames)):
        made.left_out("page", len(drawn) - room)


def _miss(document: pdfium.PdfDocument, made: Assembly) -> None:
    if files := document.count_attachments():
        made.missed("attached file", "there is no reader for it inside a document", files)
    if scripts := api.FPDFDoc_GetJavaScriptActionCount(document):
        made.missed("script", "scripts are not run", scripts)
    if document.get_formtype() in (api.FORMTYPE_XFA_FULL, api.FORMTYPE_XFA_FOREGROUND):
        made.missed("form", "it is an XFA form, which only few programs show")
