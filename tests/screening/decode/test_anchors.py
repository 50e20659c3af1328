"""A document knows where its links lead, and what they read like, whatever its format is."""

from __future__ import annotations

import json

import pytest

from screening.content import Document, Link
from screening.decode import decode
from screening.decode.assembly import MAX_LINKS
from screening.decode.sandbox.wire import Broken, pack, unpack
from tests.screening.decode.papers.made import docx, epub, odt, pdf, words

EVIL = "https://evil.example/x"
ANCHOR = f"<p>Some words to read before the link. <a href='{EVIL}'>bank.example</a></p>"
RELATIONS = (
    f'<Relationships><Relationship Id="r1" Type="t/hyperlink" Target="{EVIL}" TargetMode="External"/></Relationships>'
)
LINKED = '<w:p><w:hyperlink xmlns:r="r" r:id="r1"><w:r><w:t>bank.example</w:t></w:r></w:hyperlink></w:p>'
NOTE = f"<</Type /Annot /Subtype /Link /Rect [15 797 150 812] /A <</S /URI /URI ({EVIL})>>>>"
FORMATS = {
    "html": f"<!DOCTYPE html><html><body>{ANCHOR}</body></html>".encode(),
    "marked letters": ANCHOR.replace("bank", "<b>ba</b>n<i>k</i>").encode(),
    "markdown": f"# Words\n\nSome words, then [bank.example]({EVIL}).\n".encode(),
    "text with tags": f"Words before it.\n{ANCHOR}".encode(),
    "json": json.dumps({"title": "Words", "text": "Words to read.", "html": ANCHOR}).encode(),
    "docx": docx(LINKED + words("More words."), {"word/_rels/document.xml.rels": RELATIONS}),
    "odt": odt(f'<text:p>Words <text:a xmlns:xlink="x" xlink:href="{EVIL}">bank.example</text:a></text:p>'),
    "epub": epub({"1.xhtml": ANCHOR}),
    "pdf": pdf(["bank.example\nMore words."], notes=NOTE),
    "svg": f"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/>"
    f"<a href='{EVIL}'><text>bank.example</text></a></svg>".encode(),
}


def links(markup: str) -> tuple[Link, ...]:
    return decode(f"<!DOCTYPE html><html><body><p>Words to read.</p>{markup}</body></html>".encode()).links


@pytest.mark.parametrize("name", FORMATS)
def test_links_of_every_format(name):
    assert any((each.host, each.says) == ("evil.example", "bank.example") for each in decode(FORMATS[name]).links)


@pytest.mark.parametrize(
    "markup",
    [
        f"<form action='{EVIL}'></form>",
        f"<form><button formaction='{EVIL}'>Send</button></form>",
        f"<map><area href='{EVIL}' alt='more'></map>",
        f"<a href='{EVIL}'>read more</a>",
        f"<a href='{EVIL}'><img src=x></a>",
        f"<meta http-equiv=refresh content='0; url={EVIL}'>",
        f"<base href='{EVIL}'>",
        f"<iframe srcdoc='<a href={EVIL}>x</a>'></iframe>",
    ],
)
def test_all_that_leads_away_from_a_page(markup):
    assert [(each.host, each.says) for each in links(markup)] == [("evil.example", "")]


def test_an_address_in_pieces_is_not_relative():
    found = links("<base href='https://good.example/'><a href='ht&#10;tps://evil.example/x'>bank.example</a>")
    assert ("evil.example", "bank.example") in [(each.host, each.says) for each in found]


def test_what_is_relative_leads_to_the_base():
    assert ("evil.example", "bank.example") in [
        (each.host, each.says) for each in links(f"<base href='{EVIL}'><a href='login'>bank.example</a>")
    ]
    assert links("<a href='login'>bank.example</a>") == ()


def test_hidden_letters_do_not_change_what_a_link_reads_like():
    found = links(f"<a href='{EVIL}'>bank<span style='display:none'>zzz</span>.example</a>")
    assert found[0].says == "bank.example"


def test_an_address_in_a_field_of_json_is_a_link():
    data = json.dumps({"title": "Words", "text": "Words to read.", "url": EVIL}).encode()
    assert decode(data).links == (Link("main", "evil.example"),)


def test_each_link_names_a_part():
    document = decode(f"<!DOCTYPE html><html><body>{ANCHOR}<footer>Foot <a href='{EVIL}'>x</a></footer>".encode())
    assert [each.place for each in document.links] == ["main", "footer"]
    assert {each.place for each in document.links} <= {part.place for part in document.parts}


def test_too_many_links_are_not_looked_at():
    document = decode("".join(f"<p><a href='https://a{i}.example'>x{i}</a>" for i in range(MAX_LINKS + 7)).encode())
    assert len(document.links) == MAX_LINKS
    assert [(each.what, each.count) for each in document.not_looked_at] == [("link", 7)]


def test_a_forged_host_is_refused():
    document = decode(FORMATS["html"])
    header, body = pack(document)
    assert isinstance(again := unpack(json.loads(json.dumps(header)), b"".join(map(bytes, body))), Document)
    assert again.links == document.links
    for forged in ([["main", "not a host", ""]], [["main", "evil.example", "a b"]], [["main"]], "x", [["main", 5, ""]]):
        header["document"]["links"] = forged
        with pytest.raises(Broken):
            unpack(header, b"".join(map(bytes, body)))
