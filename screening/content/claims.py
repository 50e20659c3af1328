"""What an upload claims to be, by its content type and its suffix, and where its bytes are something else."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Mapping

from screening.content.kinds import HTML, JSON, KINDS, MARKDOWN, PLAIN
from screening.records import Upload

# Types that say nothing about what their bytes are.
VAGUE = frozenset(("", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded"))
TYPE = re.compile(r"[a-z0-9][\w.+-]*/[a-z0-9][\w.+-]*", re.ASCII)  # what is spelled otherwise claims nothing
SUFFIXES = mimetypes.MimeTypes()  # Python's own table, whatever the machine's tables say
for _type, _suffix in (
    (MARKDOWN, ".md"), (MARKDOWN, ".markdown"), ("image/webp", ".webp"), ("image/avif", ".avif"),
    ("image/heic", ".heic"), ("image/heif", ".heif"), ("image/jxl", ".jxl"), (JSON, ".jsonl"), (JSON, ".ndjson"),
    ("application/epub+zip", ".epub"), ("text/x-log", ".log"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
):  # fmt: skip
    SUFFIXES.add_type(_type, _suffix)
# Viewers show the types of a group alike: browsers show a picture by its bytes, whatever its type says.
GROUPS: Mapping[str, str] = {
    **dict.fromkeys(KINDS["image"].decoders, "a picture"),
    **dict.fromkeys(("image/jpg", "image/pjpeg", "image/x-png", "image/x-ms-bmp", "image/apng"), "a picture"),
    **dict.fromkeys(("application/xhtml+xml",), HTML),
    **dict.fromkeys(("text/json", "application/x-ndjson", "application/jsonl", "application/ld+json"), JSON),
    **dict.fromkeys((PLAIN, MARKDOWN, "text/x-markdown", "text/x-log", "text/csv"), PLAIN),
}


def claims(upload: Upload) -> Iterator[tuple[str, str]]:
    """Yield what claims a type, and the type, without parameters; vague types are left out."""
    suffix, _ = SUFFIXES.guess_type(upload.name.lower())
    for what, claimed in (("content type", upload.content_type), ("suffix", suffix or "")):
        plain = claimed.partition(";")[0].strip().lower()
        if plain not in VAGUE and TYPE.fullmatch(plain):
            yield what, plain


def shown_as(upload: Upload) -> str:
    """Return how a text will be shown: as plain text or as HTML if its content type, or else its suffix, says so."""
    claimed = next((claimed for _, claimed in claims(upload)), "")
    group = GROUPS.get(claimed, claimed)
    return group if group in (PLAIN, HTML) and claimed not in (MARKDOWN, "text/x-markdown") else ""


def mismatches(upload: Upload, media_type: str) -> list[str]:
    """Return, in words, each claim of an upload that viewers would show otherwise than its bytes' media type."""
    own = GROUPS.get(media_type, media_type)
    return [f"the {what} says {claimed}" for what, claimed in claims(upload) if GROUPS.get(claimed, claimed) != own]
