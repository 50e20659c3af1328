"""What a page shows outside of the plain flow of its text is read, and sentences are not cut up by what is in them."""

from __future__ import annotations

import base64

import pytest

from screening.content import Text
from screening.decode import decode
from tests.screening.decode.conftest import PARAGRAPHS

SAID = "seven amber foxes jump over the lazy hounds"
ENCODED = base64.b64encode(f"<p>{SAID}".encode()).decode()


def texts(markup: str) -> list[str]:
    """All texts of a page around an ordinary article."""
    page = f"<html><body><article><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p></article>{markup}</body></html>"
    parts = decode(page.encode()).parts
    return [" ".join(part.content.text.split()) for part in parts if isinstance(part.content, Text)]


@pytest.mark.parametrize(
    "markup",
    [
        "<p>seven amber <button>foxes</button> jump over <output>the</output> lazy <i hidden>not</i>hounds</p>",
        "<table>seven amber foxes<tr> jump over<td>x</td> the <b>lazy</b> hounds</tr></table>",
        f"<iframe src='data:text/html,<p>{SAID}</p>'></iframe>",
        f"<iframe src='data:text/html;base64,{ENCODED}'></iframe>",
        f"<object data='data:text/plain,{SAID}'></object>",
        f"<iframe src='javascript:\"{SAID}\"'></iframe>",
        f"<img onerror='p.innerHTML=\"{SAID}\"'>",
        f"<p data-caption='{SAID}'></p>",
        f"<style>p::after{{content:attr(x)}}</style><p x='{SAID}'></p>",
        f"<script>document.title = '{SAID}'</script>",
        f"<script src=\"data:text/javascript,p.title='{SAID.replace(' ', '%20')}, as they say'\"></script>",
        f"<svg><text><![CDATA[{SAID}]]></text></svg>",
        f"<svg><style><p>{SAID}</p></style></svg>",
        f"<noscript><p class='</noscript>{SAID}'></p></noscript>",
        f"<noscript><!-- </noscript>{SAID} --></noscript>",
        f"<select><option><style>{SAID}</style></select>",
        f"<style>p::after{{content:var(--x)}}</style><p style='--x:\"{SAID}\"'></p>",
        f"<iframe src='da\nta:text/html,<p>{SAID}'></iframe>",
        f"<p lang='{SAID}'></p>",
        "".join(f"<div>{letter}</div>" for letter in SAID.replace(" ", "\xa0")),
        "<ruby>" + "".join(f"{word} <rt>note</rt>" for word in SAID.split()) + "</ruby>",
        f"<bdo dir=rtl>{SAID[::-1]}</bdo>",
        f"<p>word<b style='direction:rtl; unicode-bidi: bidi-override'>{SAID[::-1]}</b></p>",
        f"<style>.x {{ unicode-bidi: bidi-override; direction: rtl }}</style><p>word</p><p class=x>{SAID[::-1]}</p>",
        f"<div dir='RTL' style='unicode-bidi:isolate-override'><i>{SAID[::-1]}</i></div>",
        "<nav>seven amber</nav><aside>foxes jump</aside><header>over the</header>lazy hounds<p>" + "word " * 9,
    ],
)
def test_what_a_browser_shows_is_read(markup):
    assert any(SAID in text for text in texts(markup))


def test_words_that_are_spelled_like_a_file_are_kept():
    assert any(
        "you/are/all/most/welcome" in text for text in texts("<p>data:a/b;base64," + "you/are/all/most/welcome/" * 4)
    )


def test_what_is_no_text_is_told_where_a_page_is_declared():
    data = base64.b64encode(bytes(range(256))).decode()
    page = f"<html><body><p>word</p><iframe src='data:text/html;base64,{data}'></iframe></body></html>"
    assert [each.what for each in decode(page.encode()).not_looked_at] == ["embedded application/octet-stream"]


REFERENCES = "".join(f"&#{ord(letter)};" for letter in SAID)


@pytest.mark.parametrize(
    ("upload", "media_type"),
    [
        (f"Hello. {REFERENCES}", "text/plain"),
        ("<span>" + "<x-a></x-a>".join(SAID), "text/plain"),
        (f"# Title\n\n    {REFERENCES}\n", "text/markdown"),
        (f"<!DOCTYPE html [<!ENTITY x '{SAID}'>]><html><body>word &x;</body></html>", "text/html"),
        (
            f"<?xml-stylesheet href=\"data:text/css,p::after{{content:'{SAID}'}}\"?><html><p>word</p></html>",
            "text/html",
        ),
        (f"<html><body><p>word<![CDATA[{SAID}]]></body></html>", "text/html"),
        (f"<html><body><p>word<body onload='p.innerHTML=\"{SAID}\"'></body></html>", "text/html"),
        (f"word <x-a title='{REFERENCES}'>x</x-a> <b>y</b>", "text/plain"),
        (f'{{"a": "<p>word", "b": "{REFERENCES}"}}', "application/json"),
    ],
)
def test_what_a_browser_shows_of_other_uploads_is_read(upload, media_type):
    document = decode(upload.encode())
    assert document.media_type == media_type
    assert any(SAID in part.content.text for part in document.parts if isinstance(part.content, Text))


@pytest.mark.parametrize("upload", ["a < b && c > d", "List<String> words", "<john> hi\n<mary> hello", "AT&T and I"])
def test_a_text_that_is_no_page_is_one_part(upload):
    assert [part.content.text for part in decode(upload.encode()).parts] == [upload]


def test_a_text_that_would_be_too_deep_a_page_is_still_a_text():
    document = decode(b"It is <b>bold. " * 300)
    assert document.main.text.startswith("It is <b>bold.")
    assert [each.what for each in document.not_looked_at] == ["the text as HTML"]


def test_frames_beyond_any_use_are_told_and_not_read():
    frames = "".join(f"<iframe srcdoc='<p>word {number}'></iframe>" for number in range(2100))
    document = decode(f"<html><body><p>word</p>{frames}</body></html>".encode())
    assert [(each.what, each.count) for each in document.not_looked_at] == [("frame", 1100)]


def test_pages_in_files_in_pages_come_to_an_end():
    page = f"<p>{SAID}"
    for _ in range(9):
        page = f"<iframe src='data:text/html;base64,{base64.b64encode(page.encode()).decode()}'></iframe>"
    document = decode(f"<html><body><p>word</p>{page}</body></html>".encode())
    assert {each.what for each in document.not_looked_at} == {"embedded file"}
