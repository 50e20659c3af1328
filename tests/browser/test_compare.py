"""The comparison finds what is missing, also where words are there but not in their order."""

from __future__ import annotations

import pytest

from screening.content import Document, Part, Text
from tests.browser.compare import missing


def lost(line: str, *texts: str) -> list[str]:
    parts = tuple(Part(str(number), "main", Text(text)) for number, text in enumerate(texts))
    return missing([line], Document("text/html", parts))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("One two three four five six", "one two three\n\nfour, five SIX!"),
        ("Short line", "a short line"),
        ("HomeLocalLetters", "Home Local Letters"),
        ("H 2 O using sub", "H2O using sub"),
        ("", "x"),
    ],
)
def test_what_is_there_is_found(line, text):
    assert lost(line, text) == []


@pytest.mark.parametrize(
    ("line", "texts", "expected"),
    [
        ("one two three four five six", ["one two three four five"], ["two three four five six"]),
        ("one two three four five", ["one two three", "four five"], ["one two three four five"]),
        ("hateful words", ["words hateful"], ["hateful words"]),
        ("hateful", ["h a t e f u l"], ["hateful"]),
        ("short line", ["a shorter line"], ["short line"]),
    ],
)
def test_what_is_not_there_is_told(line, texts, expected):
    assert lost(line, *texts) == expected
