"""An upload's claims are held against its bytes, but only where a viewer would show it otherwise."""

from __future__ import annotations

import pytest

from screening.content.claims import mismatches, shown_as
from screening.decode import decode
from screening.records import Upload


def upload(name: str, content_type: str = "") -> Upload:
    return Upload(f"/in/{name}", name, 1, 10, content_type)


@pytest.mark.parametrize(
    ("name", "content_type", "media_type"),
    [
        ("a.png", "image/png", "image/png"),
        ("a.jpg", "image/jpeg", "image/png"),  # browsers show a picture by its bytes
        ("a", "", "text/html"),
        ("a.bin", "application/octet-stream", "image/gif"),
        ("a.md", "text/x-markdown", "text/plain"),
        ("a.HTML", "text/html; charset=utf-8", "text/html"),
        ("a.ndjson", "", "application/json"),
        ("a.unheard-of", "", "text/plain"),
    ],
)
def test_claims_that_fit(name, content_type, media_type):
    assert mismatches(upload(name, content_type), media_type) == []


@pytest.mark.parametrize(
    ("name", "content_type", "media_type", "said"),
    [
        ("a.png", "text/html", "image/png", ["the content type says text/html"]),
        ("a.txt", "", "image/jpeg", ["the suffix says text/plain"]),
        ("a.jpg", "image/jpeg", "text/html", ["the content type says image/jpeg", "the suffix says image/jpeg"]),
        ("a.json", "", "text/html", ["the suffix says application/json"]),
        ("a.pdf", "", "image/png", ["the suffix says application/pdf"]),
    ],
)
def test_claims_that_do_not_fit(name, content_type, media_type, said):
    assert mismatches(upload(name, content_type), media_type) == said


@pytest.mark.parametrize(
    ("name", "content_type", "expected"),
    [
        ("a.txt", "", "text/plain"), ("a.html", "text/plain", "text/plain"), ("a.txt", "text/html", "text/html"),
        ("a.htm", "application/octet-stream", "text/html"), ("a.md", "", ""), ("a.png", "", ""), ("a", "", ""),
    ],
)  # fmt: skip
def test_how_a_text_will_be_shown(name, content_type, expected):
    assert shown_as(upload(name, content_type)) == expected


HIDDEN = "words that only the source shows to its reader"


@pytest.mark.parametrize(
    "source",
    [
        f"<p><script>{HIDDEN}</script>\n\nThe shown words of the page.",
        f"<!-- {HIDDEN} -->\n\nThe shown words of the page.",
        f'{{"text": "The shown words of the page.",\n\n "url": "https://example.org/?{HIDDEN.replace(" ", "+")}"}}',
        f'{{"text": "The shown words of the page.", "text": "{HIDDEN}"}}',
        f"# Title\n\nThe shown words of the page.\n\n<div data-x='{HIDDEN}'></div>\n",
    ],
    ids=["script", "comment", "url in JSON", "broken JSON", "attribute in Markdown"],
)
def test_what_will_be_shown_as_plain_text_is_read_both_ways(source):
    document = decode(source.encode(), shown_as="text/plain")
    said = " ".join(part.content.text.replace("+", " ") for part in document.parts)
    assert document.media_type == "text/plain"
    assert HIDDEN in said
    assert "The shown words of the page." in said


def test_plain_text_that_is_its_own_rendering_is_read_once():
    assert (
        len(decode(b"# Title\n\nSome words of a text that says all that there is to say.", shown_as="text/plain").parts)
        == 2
    )


def test_a_page_that_begins_with_words_is_read_as_the_page_that_it_claims_to_be():
    source = b"Some words first.<br>Then <b>ma</b>rkup &#104;ere."
    assert any("markup here" in part.content.text for part in decode(source, shown_as="text/html").parts)
    assert decode(source).media_type == "text/plain"
