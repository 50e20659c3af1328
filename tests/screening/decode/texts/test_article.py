"""Documents become the words that a reader would read."""

from __future__ import annotations

import json

import pytest

from screening.content import Text
from screening.decode import Fields, Limits, decode
from screening.errors import UploadError


def reason(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(UploadError) as refusal:
        decode(data, limits)
    return refusal.value.reason


def text(data: bytes, **given: object) -> Text:
    content = decode(data, **given).main
    assert isinstance(content, Text)
    return content


def parts(data: bytes, **given: object) -> dict[str, str]:
    """The texts of a document by place, but for its main text and title."""
    found = decode(data, **given).parts
    return {part.place: part.content.text for part in found if part.role not in ("main", "title")}


def test_plain_text_is_kept_with_its_newlines_made_one_kind():
    article = text("﻿  One\r\nTwo\rThree é\n".encode())
    assert article == Text("One\nTwo\nThree é")


def test_markdown_gives_what_is_shown_and_its_front_matter():
    data = (
        b"---\ntitle: Front\nauthor: [A. One, B. Two]\ndate: 2024-01-02\nlang: en\n---\n# Heading\n\n"
        b"Some **bold** text, a [link](http://x.y) and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        b"<div>raw <b>html</b></div>\n\n<script>hidden()</script>\n"
    )
    article = text(data)
    assert (article.title, decode(data).language) == ("Front", "en")
    assert parts(data) == {"front matter:short strings": "A. One\n\nB. Two\n\nen"}
    assert article.text.startswith("Heading\n\nSome bold text, a link and code.")
    assert "raw html" in article.text
    assert "hidden" not in article.text
    assert "**" not in article.text


def test_markdown_without_front_matter_is_titled_by_its_heading():
    assert text(b"# The title #\n\nwords").title == "The title"


@pytest.mark.parametrize("front", ["&a [*a]: x", "a: [", "- list", "!!python/object:os.system x: y"])
def test_broken_front_matter_is_text(front):
    assert "x" in text(f"---\nx: y\n{front}\n---\n# H\n\nx marks it\n".encode()).text


def test_html_gives_main_text_and_title_and_the_rest_by_its_place(valid, make):
    article = text(valid["text/html"])
    assert all(paragraph in article.text for paragraph in make.paragraphs)
    assert "All the news" not in article.text
    assert "tracked" not in article.text
    assert (article.title, decode(valid["text/html"]).language) == ("Bridge reopens", "en")
    assert parts(valid["text/html"]) == {
        "nav": "Home All the news",
        "footer": "All rights reserved",
        "description": "Jane Roe",
    }


@pytest.mark.parametrize(
    "body", ["<p>Short words.</p>", "<table><tr><td>Short words.</td></tr></table>", "Short words."]
)
def test_a_page_without_an_article_still_gives_its_words(body):
    assert "Short words." in text(f"<html><body>{body}</body></html>".encode()).text


def test_a_page_that_says_it_again_and_again_is_read_as_often(make):
    page = "<html><body><article>" + f"<p>{make.paragraphs[0]}</p>" * 40 + "</article></body></html>"
    assert text(page.encode()).text.count(make.paragraphs[0]) == 40


def test_json_joins_every_text_field_that_a_reader_may_be_shown():
    fields = {"title": "T", "text": "First.", "body": "Second.", "author": {"name": "Bo"}, "published_at": "2024"}
    assert text(json.dumps(fields).encode()) == Text("First.\n\nSecond.", "T")
    assert parts(json.dumps(fields).encode()) == {"json:short strings": "Bo"}


def test_json_fields_can_be_mapped_and_reach_into_objects():
    data = json.dumps({"a": {"b": ["One.", {"text": "Two."}]}, "text": "not this", "k.l": "Key with a dot"}).encode()
    article = text(data, fields=Fields(text=("a.b",), title=("k.l",)))
    assert article == Text("One.\n\nTwo.", "Key with a dot")


@pytest.mark.parametrize("spelled", ["<p>", "\\u003cp>", "\\u003Cp>"])
def test_markup_in_json_is_shown_as_text(spelled):
    article = text(f'{{"content": {{"rendered": "{spelled}One</p><p>Two</p>"}}}}'.encode())
    assert article.text == "One\n\nTwo"


def test_what_cannot_be_stored_is_replaced():
    article = text(b'{"text": "a\\ud800b\\u0000c\\u0085d", "title": "x\\ndone\\udfff"}')
    assert (article.text, article.title) == ("a�b�c�d", "x done�")
    article.text.encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b" \r\n\t", "no_text"),
        (b"<html><body><script>x</script></body></html>", "no_text"),
        (b'{"id": 7}', "no_text"),
        (b'{"text": "cut', "undecodable"),
        (b'{"text": "one"}\n{"text": "tw', "undecodable"),
        (b'{"text": "one"}\n"two"', "undecodable"),
        (b'{"text": "shown", "text": "screened"}', "undecodable"),
        (b'{"text":' * 100_000, "too_deep"),
        (b'{"text": "x", "a": ' + b"[" * 65 + b"]" * 65 + b"}", "too_deep"),
        (b"<html><body>" + b"<div>" * 300 + b"deep", "too_deep"),
        (b"# t\n\n" + b"> " * 2000 + b"deep\n", "too_deep"),
    ],
)
def test_documents_that_cannot_be_judged(data, expected):
    assert reason(data) == expected


def test_nesting_is_counted_outside_strings_only():
    assert text(b'{"text": "' + b"[{" * 500 + b'\\"[", "n": 1' + b"}").text.startswith("[{")


def test_depth_is_never_bought_with_silence():
    """libxml2 drops what lies deeper than 256 levels and CommonMark what lies deeper than 20."""
    assert "deep words" in text(b"<html><body>" + b"<div>" * 200 + b"deep words").text
    assert "deep words" in text(b"# t\n\n" + b"> " * 100 + b"deep words\n").text


@pytest.mark.parametrize("data", [b"word " * 30, b"# h\n\n" + b"word " * 30, b'{"text": "' + b"word " * 30 + b'"}'])
def test_too_long(data):
    assert reason(data, Limits(max_text_chars=100)) == "too_large"
    assert reason(data, Limits(max_bytes=100)) == "too_large"


def test_numbers_of_any_length_are_never_computed():
    assert text(b'{"text": "x", "n": ' + b"9" * 1_000_000 + b"}").text == "x"


def test_plain_text_is_measured_before_it_is_cleaned():
    assert reason(b" " * 2_000_001 + b"{") == "too_large"
