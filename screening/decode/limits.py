"""Limits on what one upload may cost, and the keys under which a JSON document keeps its text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that screening one upload may take. Beyond any of these but `frames`, it gets an `error` verdict.

    - `max_bytes`: bytes of the upload.
    - `max_pixels`: width × height of a frame of up to four bytes a pixel; half as many with eight, in WebP and in HEIC.
    - `max_frames`: frames of an animation, or pages of a TIFF or a PDF.
    - `frames`: pictures of a document that are looked at, where they differ; those beyond are recorded as missed.
    - `max_text_chars`: characters of a document, before and after extraction.
    - `max_nesting`: levels of JSON.
    - `max_pieces`: chunks, segments, blocks and tags of a picture's file, of which a scan of a JPEG counts as 2,000;
      paths and pictures on the pages of a PDF.
    - `max_marks`: lines, marks (`*`, `[` and the like) and table cells of Markdown.
    - `max_windows`: windows that a classifier reads of one text, about 250 tokens and 30 ms of a core each.
    - `cpu_seconds`: processor time in a decoder's child.
    - `seconds`: time on the clock. It is a last resort that says nothing about the upload: a child meets it before
      `cpu_seconds` only if it is stalled or gets less than a tenth of a core.
    - `memory_bytes`: address space of a decoder's child.
    """

    max_bytes: int = 64 << 20
    max_pixels: int = 100_000_000
    max_frames: int = 5_000
    frames: int = 64
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
    """Keys of a JSON article or of Markdown front matter; a dot reaches into an object (`article.body`).

    Every `text` key that is present counts, in this order, since a reader may be shown any of them. For `title` and
    `language`, the first key that is present counts. All other strings with words are read too, except those under the
    keys in `ignore`.
    """

    text: tuple[str, ...] = (
        "text", "body", "content", "articleBody", "content.rendered", "body.text", "content.text",
        "article", "article.text", "article.body", "article.content", "full_text", "selftext",
    )  # fmt: skip
    title: tuple[str, ...] = (
        "title", "headline", "name", "subject", "title.rendered", "article.title", "article.headline",
    )  # fmt: skip
    language: tuple[str, ...] = ("language", "lang", "inLanguage", "locale", "article.language")
    ignore: tuple[str, ...] = ()
