"""What one upload may cost, and where a JSON document keeps its words."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SIDE = 1024  # pixels of a decoded picture; four times what classifiers look at, twice what PDQ does


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that decoding one upload may take; beyond any of them the upload gets an `error` verdict.

    `max_bytes` and `memory_bytes` are bytes, `max_pixels` is width × height of one frame (with more than four bytes a
    pixel, and of WebP, fewer: half as many for eight), `max_frames` counts the frames of an animation or the pages of a
    TIFF, `max_pieces` are the chunks, segments, blocks and tags of a picture's file (a scan of a JPEG is 2,000),
    `max_text_chars` are characters of a document before and after extraction, `max_nesting` is the depth of JSON,
    `max_marks` are Markdown's lines, marks (`*`, `[` and the like) and table cells, `max_windows` are what a classifier
    reads of one text (some 250 tokens and 30 ms of a core each), `cpu_seconds` are of processor time in a decoder's
    child. `seconds` are wall-clock, a last resort that says nothing of the upload: a child must be stalled, or get less
    than a tenth of a core, to meet it first.
    """

    max_bytes: int = 64 << 20
    max_pixels: int = 100_000_000
    max_frames: int = 5_000
    max_text_chars: int = 2_000_000
    max_nesting: int = 64
    max_pieces: int = 200_000
    max_marks: int = 100_000
    max_windows: int = 1_000
    cpu_seconds: float = 20.0
    seconds: float = 200.0
    memory_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Fields:
    """Keys of a JSON article or of Markdown front matter; dots reach into objects (`article.body`).

    Every `text` key that is present counts, in this order, since a reader may be shown any of them; of the
    others the first that is present.
    """

    text: tuple[str, ...] = (
        "text", "body", "content", "articleBody", "content.rendered", "body.text", "content.text",
        "article", "article.text", "article.body", "article.content", "full_text", "selftext",
    )  # fmt: skip
    title: tuple[str, ...] = (
        "title", "headline", "name", "subject", "title.rendered", "article.title", "article.headline",
    )  # fmt: skip
    byline: tuple[str, ...] = (
        "byline", "author", "authors", "author.name", "creator", "article.author", "article.byline",
    )  # fmt: skip
    date: tuple[str, ...] = (
        "date", "published", "published_at", "publishedAt", "datePublished", "publication_date", "pubDate",
        "created_at", "article.date", "article.published_at",
    )  # fmt: skip
    language: tuple[str, ...] = ("language", "lang", "inLanguage", "locale", "article.language")
