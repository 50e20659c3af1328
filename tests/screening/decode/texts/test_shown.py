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
    ],
)
def test_what_a_browser_shows_is_read(markup):
    assert any(SAID in text for text in texts(markup))


def test_words_that_are_spelled_like_a_file_are_kept():
    assert any(
        "you/are/all/most/welcome" in text for text in texts("<p>data:a/b;base64," + "you/are/all/most/welcome/" * 4)
    )


def test_what_is_no_text_is_told_where_a_page_is_declared():
    data = base64.b64encode("words".encode("utf-16-le") * 20).decode()
    page = f"<html><body><p>word</p><iframe src='data:text/html;charset=utf-16le;base64,{data}'></iframe></body></html>"
    assert [each.what for each in decode(page.encode()).not_looked_at] == ["embedded application/octet-stream"]
