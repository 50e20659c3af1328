"""Decode Word (DOCX) and OpenDocument (ODT) texts, which both are XML files and pictures in a zip archive.

Which file is what is told from its outermost element, never from its path. Elements are told by their names without
namespaces, since each format has two or three for the same.
"""

from __future__ import annotations

from screening.content import Document
from screening.decode.archive import unpack
from screening.decode.limits import Fields, Limits
from screening.decode.papers.words import Words
from screening.decode.papers.xml import Budget
from screening.decode.sniff import BINARY, Sniffed, examine
from screening.decode.texts.embedded import File
from screening.decode.texts.reader import Reader
from screening.errors import UploadError

PICTURES = ("media", "Pictures", "ObjectReplacements")  # folders that hold what is drawn
FIRST = ("META-INF/manifest.xml", "styles.xml")  # they say what is encrypted, and what is hidden
MACROS = ("vbaProject.bin", "Basic")


def office(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return a Word or OpenDocument text: its body, what stands around it, what it hides, and its pictures.

    Raises UploadError with `encrypted`, `too_large`, `too_complex`, `no_text` or `undecodable`.
    """
    reader = Reader(sniffed.media_type, limits)
    budget, words = Budget(limits), Words(limits)
    files: list[tuple[str, bytes]] = []
    for name, data in sorted(unpack(sniffed.data, limits), key=_order):
        if not data or name == "mimetype":
            continue
        if any(folder in name.split("/") for folder in MACROS):
            reader.made.missed("script", "scripts are not run")
        elif name.lower().endswith((".xml", ".rels", ".rdf")):
            budget.parse(data, words.within(name))
            if words.is_locked:
                raise UploadError("encrypted", sniffed.media_type)
        else:
            files.append((name, data))
    page = words.shown()
    reader.main(page.text, page.title)
    reader.rest(page)
    for name, data in files:
        if examine(data).media_type != BINARY:
            reader.file(name, File("", data))
        elif any(folder in PICTURES for folder in name.split("/")):
            reader.made.missed("embedded picture", "its format is not known")
        elif "embeddings" in name.split("/"):
            reader.made.missed("embedded object", "there is no reader for it inside a document")
    return reader.made.document(page.language)


def _order(entry: tuple[str, bytes]) -> int:
    return next((place for place, name in enumerate(FIRST) if entry[0].endswith(name)), len(FIRST))
