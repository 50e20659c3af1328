"""A text is taken for what its metadata say, else for what its form and its length suggest."""

from __future__ import annotations

import pytest

from screening.content import Document, Part, Picture, Text
from screening.content.genre import genre_of
from screening.records import ScreenedPart, Upload

HTML, PLAIN, JSON = "text/html", "text/plain", "application/json"


def genre(media_type: str, *parts: Part, words: int = 5, said: str | None = None) -> str | None:
    metadata = {} if said is None else {"genre": said}
    upload = Upload("/a", "a", 1, 9, metadata=metadata)
    told = [ScreenedPart(part.place, "text", part.role, 9, "en", words) for part in parts]
    return genre_of(Document(media_type, parts), told, upload)


def text(words: str = "See you at nine.", title: str = "", role: str = "main") -> Part:
    return Part(role, role, Text(words, title))  # type: ignore[arg-type]  # each role is a place here


@pytest.mark.parametrize(
    ("media_type", "parts", "words", "expected"),
    [
        (PLAIN, [text()], 5, "message"),
        (JSON, [text()], 99, "message"),
        (PLAIN, [text()], 100, "article"),
        (JSON, [text(title="Today")], 5, "article"),
        (JSON, [text(), text(role="title")], 5, "article"),
        (PLAIN, [text(), text(role="rest")], 60, "message"),
        (HTML, [text()], 5, "article"),
        ("application/pdf", [text()], 5, "article"),
        (PLAIN, [text("Subject: the fair\nSee you there.")], 5, "mail"),
        (PLAIN, [text("From: a@b.example\nTo: c@d.example\nSubject: the fair\n\nHello")], 500, "mail"),
        (PLAIN, [text("The subject: what we saw")], 5, "message"),
    ],
)
def test_by_form_and_length(media_type, parts, words, expected):
    assert genre(media_type, *parts, words=words) == expected


def test_main_texts_are_long_together():
    parts = [Part(f"{i}", "main", Text("x")) for i in range(3)]
    assert genre(JSON, *parts, words=40) == "article"


@pytest.mark.parametrize(
    ("said", "expected"), [("comment", "comment"), (" Headline ", "headline"), ("poem", "message"), ("", "message")]
)
def test_what_is_said_counts_if_it_is_a_genre(said, expected):
    assert genre(PLAIN, text(), said=said) == expected


def test_a_picture_has_none():
    import numpy as np

    picture = Part("main", "main", Picture(1, 1, np.zeros((1, 1, 3), np.uint8)))
    assert genre("image/png", picture, said="article") is None
