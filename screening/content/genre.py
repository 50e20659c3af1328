"""Tell what an upload is taken for, since a level that suits articles would hold every short message."""

from __future__ import annotations

import re
from collections.abc import Sequence

from screening.content.documents import Document, Text
from screening.content.kinds import JSON, MARKDOWN, PLAIN
from screening.records import GENRES, Genre, ScreenedPart, Upload

KEY = "genre"  # of an upload's metadata
LONG = 100  # words from which a text without any form is an article
# Two header fields of a mail (RFC 5322 § 3.6) at its beginning, or a subject alone.
MAIL = re.compile(
    r"\s*(?:(?:return-path|received|from|to|cc|date|reply-to|sender|message-id|mime-version)\s?:.*\n\s*)*subject\s?:",
    re.IGNORECASE,
)


def genre_of(document: Document, parts: Sequence[ScreenedPart], upload: Upload) -> Genre | None:
    """Return the genre that the upload's metadata say, else the one that its form and length suggest.

    It is None if it is not a text. `parts` are what a verdict says of the document's parts. Headlines and comments look
    like any message, so they are only known by what is said.
    """
    if not isinstance(document.main, Text):
        return None
    if said := next((genre for genre in GENRES if genre == upload.metadata.get(KEY, "").strip().lower()), None):
        return said
    if MAIL.match(document.main.text):
        return "mail"
    bare = document.media_type in (PLAIN, MARKDOWN, JSON) and not document.main.title
    bare = bare and not any(part.role == "title" for part in document.parts)
    words = sum(part.words or 0 for part in parts if part.role == "main")
    return "message" if bare and words < LONG else "article"
