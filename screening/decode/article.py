"""Decode plain text, and build the `Article` that every decoder of documents returns."""

from __future__ import annotations

import re
from collections.abc import Mapping

from screening.decode.limits import Fields, Limits
from screening.decode.sniff import JSON, PLAIN, Sniffed
from screening.errors import UploadError
from screening.records import Article

MAX_FACT = 1000  # characters of a title, byline, date or language; longer ones are cut
# All C0 and C1 controls except tab and newline, and lone surrogates, which JSON can spell but nothing can store.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(sniffed: Sniffed, limits: Limits, _: Fields) -> Article:
    """Return plain text as an Article. Raises UploadError with `no_text` or `too_large`."""
    check_length(sniffed.text, limits)
    return make_article(PLAIN, limits, {"text": sniffed.text})


def needs_sandbox(sniffed: Sniffed) -> bool:
    """Return whether a document goes through a parser that hostile input can crash or stall."""
    if sniffed.media_type == JSON:  # a field may hold markup, whose bracket may be written as an escape
        text = sniffed.text
        return "<" in text or "\\u003c" in text or "\\u003C" in text
    return sniffed.media_type != PLAIN


def make_article(media_type: str, limits: Limits, facts: Mapping[str, str]) -> Article:
    """Build an Article from its facts by field name, one of which is `text`.

    Raises UploadError with `no_text` or `too_large`.
    """
    text = UNPRINTABLE.sub("�", facts["text"]).strip()
    check_length(text, limits)
    if not text:
        raise UploadError("no_text", media_type)
    lines = {name: " ".join(UNPRINTABLE.sub("�", fact).split())[:MAX_FACT] for name, fact in facts.items()}
    return Article(media_type, **{**lines, "text": text})


def check_length(text: str, limits: Limits) -> None:
    """Raise UploadError `too_large` if a text has more characters than a document may have."""
    if len(text) > limits.max_text_chars:
        raise UploadError("too_large", f"{len(text)} characters, limit {limits.max_text_chars}")
