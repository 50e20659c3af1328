"""A book is its chapters in their order, and all else that its pages show or hide."""

from __future__ import annotations

import pytest

from screening.content import Text
from screening.decode import Decoder, Limits, decode
from screening.decode.papers.epub import as_html
from screening.errors import UploadError
from tests.screening.decode.papers.made import epub


def told(data: bytes) -> dict[str, tuple[str, str]]:
    """The role and the text of the parts that are texts, by place."""
    parts = decode(data).parts
    return {part.place: (part.role, part.content.text) for part in parts if isinstance(part.content, Text)}


def reason(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(UploadError) as refusal:
        decode(data, limits)
    return refusal.value.reason


def test_chapters_are_read_in_the_order_of_the_book():
    facts = "<dc:title>A book</dc:title><dc:language>en</dc:language><dc:description>About it.</dc:description>"
    data = epub({"text/z.xhtml": "<p>First.</p>", "a.xhtml": "<p>Then.</p>"}, facts=facts)
    assert decode(data).language == "en"
    assert told(data) == {
        "main": ("main", "First.\n\nThen."),
        "title": ("title", "A book"),
        "description": ("rest", "About it."),
    }


def test_what_pages_show_besides_and_hide_is_read_by_place():
    chapter = "<p>Words.</p><footer>A footer here</footer><p hidden='hidden'>Nobody sees it</p><img alt='A red house'/>"
    found = told(epub({"a.xhtml": chapter}, {"OPS/left-out.xhtml": "<p>A page that no order names.</p>"}))
    assert found["hidden"] == ("hidden", "Nobody sees it")
    assert found["alt"] == ("rest", "A red house")
    assert "A footer here" in found["main"][1]
    assert found["page"] == ("rest", "A page that no order names.")


def test_pictures_styles_and_drawings_are_read(valid):
    drawing = "<svg xmlns='http://www.w3.org/2000/svg'><text>Words in a drawing</text></svg>"
    files = {
        "OPS/a.png": valid["image/png"],
        "OPS/a.svg": drawing,
        "OPS/a.css": "p::before {content: 'Words of style'}",
    }
    data = epub({"a.xhtml": "<p>Words.</p>"}, files)
    assert "OPS/a.png/picture" in [part.place for part in decode(data).parts]
    assert told(data)["OPS/a.svg/svg"] == ("rest", "Words in a drawing")
    assert told(data)["OPS/a.css/style"] == ("rest", "Words of style")


def test_films_and_sound_are_missed():
    files = {"OPS/film.mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "OPS/a.mp3": b"ID3\4\0"}
    assert {each.what for each in decode(epub({"a.xhtml": "<p>Words.</p>"}, files)).not_looked_at} == {
        "embedded video/mp4",
        "embedded audio/mpeg",
    }


@pytest.mark.parametrize(
    ("method", "locked"),
    [
        ("http://www.idpf.org/2008/embedding", False),
        ("http://ns.adobe.com/pdf/enc#RC", False),
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", True),
    ],
)
def test_what_needs_a_key_is_encrypted_but_hidden_fonts_need_none(method, locked):
    lock = f'<encryption><EncryptedData><EncryptionMethod Algorithm="{method}"/></EncryptedData></encryption>'
    data = epub({"a.xhtml": "<p>Words.</p>"}, {"META-INF/encryption.xml": lock})
    assert (reason(data) == "encrypted") if locked else decode(data).parts


def test_empty_elements_and_cdata_are_read_as_xhtml_has_them():
    assert as_html('<a id="x"/><br/><img alt="a/>b"/>') == '<a id="x"></a><br/><img alt="a/>b"/>'
    assert as_html("<p><![CDATA[1 < 2]]></p>") == "<p>1 &lt; 2</p>"
    anchors = "<a id='x'/>" * 1000
    assert told(epub({"a.xhtml": f"<script src='a.js'/>{anchors}<p>Words.</p>"}))["main"] == ("main", "Words.")


def test_limits_hold():
    assert reason(epub({"a.xhtml": "<p>x</p>" * 100}), Limits(max_text_chars=100)) == "too_large"
    assert reason(epub({"a.xhtml": f"<p>{'x' * 200}</p>"}), Limits(max_text_chars=150)) == "too_large"
    assert reason(epub({"a.xhtml": "<div>" * 300 + "x"})) == "too_deep"
    assert reason(epub({"a.xhtml": ""})) == "no_text"
    bomb = "<!DOCTYPE html [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;'>]><p>&b;</p>"
    assert reason(epub({}, {"OPS/a.xhtml": bomb})) == "undecodable"
    assert reason(epub({"a.xhtml": "\0\1\2\3"})) == "undecodable"


def test_a_chapter_in_an_old_charset_is_read_behind_the_walls():
    page = (
        "<html><body><p>"
        + "市议会周二讨论了老城区停车规则的修改方案。居民表示没有征求意见。" * 9
        + "</p></body></html>"
    ).encode("gb18030")
    with Decoder() as decoder:
        document = decoder.decode(epub({"b.xhtml": "<p>Words.</p>"}, {"OPS/a.html": page}))
    assert "市议会周二讨论" in document.parts[1].content.text
