"""Word and OpenDocument texts are read whole: what is shown, what stands around it, and what is hidden in them."""

from __future__ import annotations

import pytest

from screening.content import Text
from screening.decode import Limits, decode
from screening.errors import UploadError
from tests.screening.decode.papers.made import OPEN, W, docx, odt, words

SHOWN = words("What is shown.")
RUN = "<w:r>{}<w:t>{}</w:t></w:r>"


def told(data: bytes) -> dict[str, tuple[str, str]]:
    """The role and the text of the parts that are texts, by place."""
    parts = decode(data).parts
    return {part.place: (part.role, part.content.text) for part in parts if isinstance(part.content, Text)}


def missed(data: bytes) -> dict[str, int]:
    return {each.what: each.count for each in decode(data).not_looked_at}


def reason(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(UploadError) as refusal:
        decode(data, limits)
    return refusal.value.reason


def word_file(root: str, inner: str) -> str:
    return f"<w:{root} {W}>{inner}</w:{root}>"


def test_the_body_of_a_letter_is_read_in_order_with_tables_boxes_and_links():
    table = f"<w:tbl><w:tr><w:tc>{words('One cell')}</w:tc><w:tc>{words('Another cell')}</w:tc></w:tr></w:tbl>"
    box = f"<w:p><w:r><w:pict><w:txbxContent>{words('A box')}</w:txbxContent></w:pict></w:r></w:p>"
    link = "<w:p><w:r><w:t>See </w:t></w:r><w:hyperlink><w:r><w:t>this page</w:t></w:r></w:hyperlink></w:p>"
    runs = "<w:p><w:r><w:t>Hal</w:t></w:r><w:r><w:t>ves</w:t><w:br/><w:t>below</w:t></w:r></w:p>"
    assert told(docx(SHOWN + table + box + link + runs)) == {
        "main": ("main", "What is shown.\n\nOne cell\n\nAnother cell\n\nA box\n\nSee this page\n\nHalves\nbelow")
    }


@pytest.mark.parametrize(
    ("root", "place"),
    [("hdr", "header"), ("ftr", "footer"), ("footnotes", "footnotes"), ("endnotes", "footnotes"),
     ("comments", "comments")],
)  # fmt: skip
def test_what_stands_around_the_body_is_read_by_its_place(root, place):
    data = docx(SHOWN, {"word/any-name.xml": word_file(root, words("What stands there."))})
    assert told(data) == {"main": ("main", "What is shown."), place: ("rest", "What stands there.")}


@pytest.mark.parametrize(
    "hidden",
    [
        RUN.format("<w:rPr><w:vanish/></w:rPr>", "Nobody sees it"),
        RUN.format('<w:rPr><w:rStyle w:val="Gone"/></w:rPr>', "Nobody sees it"),
        f'<w:pPr><w:pStyle w:val="Gone"/></w:pPr>{RUN.format("", "Nobody sees it")}',
    ],
)
def test_hidden_text_is_read_as_hidden(hidden):
    style = '<w:style w:styleId="Gone"><w:rPr><w:vanish/></w:rPr></w:style>'
    data = docx(f"{SHOWN}<w:p>{hidden}</w:p>", {"word/styles.xml": word_file("styles", style)})
    assert told(data) == {"main": ("main", "What is shown."), "hidden": ("hidden", "Nobody sees it")}


def test_what_says_that_it_is_not_hidden_is_shown():
    run = RUN.format('<w:rPr><w:vanish w:val="false"/></w:rPr>', "Everybody sees it")
    assert told(docx(f"<w:p>{run}</w:p>")) == {"main": ("main", "Everybody sees it")}


def test_deleted_text_is_read_as_hidden():
    deleted = "<w:p><w:del><w:r><w:delText>What was deleted</w:delText></w:r></w:del></w:p>"
    assert told(docx(SHOWN + deleted))["deleted"] == ("hidden", "What was deleted")


def test_what_a_program_may_show_in_place_of_another_is_read():
    choice = f"<mc:Choice>{words('What is shown.')}</mc:Choice><mc:Fallback>{words('The other.')}</mc:Fallback>"
    data = docx(f'<mc:AlternateContent xmlns:mc="m">{choice}</mc:AlternateContent>')
    assert told(data) == {"main": ("main", "What is shown."), "alternative": ("rest", "The other.")}


def test_title_description_and_alt_texts_are_read():
    core = '<c:coreProperties xmlns:c="c"><title>A letter</title><subject>About it</subject></c:coreProperties>'
    drawing = (
        '<w:p><w:r><w:drawing><wp:docPr xmlns:wp="p" id="1" name="Bild 1" descr="A red house"/></w:drawing></w:r></w:p>'
    )
    found = told(docx(SHOWN + drawing, {"docProps/core.xml": core}))
    assert found["title"] == ("title", "A letter")
    assert found["description"] == ("rest", "About it")
    assert found["alt"] == ("rest", "A red house")


def test_pictures_are_parts_and_a_letter_of_pictures_is_about_them(valid):
    assert [part.place for part in decode(docx(SHOWN, {"word/media/a.png": valid["image/png"]})).parts] == [
        "main",
        "word/media/a.png/picture",
    ]
    assert decode(docx("", {"word/media/a.png": valid["image/png"]})).parts[0].role == "main"


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("word/media/image1.emf", b"\1\0\0\0" + bytes(36) + b" EMF", "embedded image/emf"),
        ("word/media/image1.wmf", b"\xd7\xcd\xc6\x9a\0\0", "embedded image/wmf"),
        ("word/media/image1.xyz", bytes(range(256)), "embedded picture"),
        ("word/embeddings/sheet.xlsx", b"PK\3\4\x14\0", "embedded application/zip"),
        ("word/embeddings/oleObject1.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "embedded application/x-ole-storage"),
        ("word/embeddings/oleObject2.bin", bytes(range(256)), "embedded object"),
        ("word/media/film.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "embedded video/mp4"),
        ("word/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "script"),
    ],
)
def test_what_has_no_reader_is_missed(name, data, what):
    assert missed(docx(SHOWN, {name: data})) == {what: 1}


def test_a_page_inside_a_letter_is_read():
    page = "<html><body><p>A page in the letter.</p></body></html>"
    assert told(docx(SHOWN, {"word/afchunk.htm": page}))["word/afchunk.htm/page"] == ("rest", "A page in the letter.")


def test_an_open_document_is_read_in_the_same_way():
    body = (
        "<text:h>A heading</text:h><text:p>Words<text:s/>and <text:span>more</text:span>\n   words"
        "<text:note><text:note-body><text:p>A note</text:p></text:note-body></text:note></text:p>"
        "<office:annotation><dc:creator>Jane</dc:creator><text:p>A comment</text:p></office:annotation>"
        '<text:p text:style-name="Gone">Nobody sees it</text:p>'
        "<text:tracked-changes><text:p>What was deleted</text:p></text:tracked-changes>"
        "<draw:frame><svg:desc>A red house</svg:desc></draw:frame>"
    )
    gone = '<style:style style:name="Gone"><style:text-properties text:display="none"/></style:style>'
    meta = f"<office:document-meta {OPEN}><dc:title>A letter</dc:title></office:document-meta>"
    assert told(odt(body, {"meta.xml": meta}, styles=gone)) == {
        "main": ("main", "A heading\n\nWords and more words"),
        "title": ("title", "A letter"),
        "footnotes": ("rest", "A note"),
        "comments": ("rest", "A comment"),
        "hidden": ("hidden", "Nobody sees it"),
        "deleted": ("hidden", "What was deleted"),
        "alt": ("rest", "A red house"),
    }


def test_what_needs_a_password_is_encrypted():
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    assert reason(odt("<text:p>x</text:p>", {"META-INF/manifest.xml": manifest})) == "encrypted"
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
    assert reason(ole + "EncryptedPackage".encode("utf-16-le")) == "encrypted"
    assert reason(ole) == "unsupported_type"


def test_entities_are_never_expanded():
    bomb = "".join(f'<!ENTITY a{i} "&a{i - 1};&a{i - 1};">' for i in range(1, 40))
    document = (
        f"<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a0 'words '>{bomb}]><document><p><t>&a39;</t></p></document>"
    )
    assert reason(docx(SHOWN, {"word/more.xml": document})) == "undecodable"
    outer = "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><document><p><t>&x;</t></p></document>"
    assert reason(docx(SHOWN, {"word/more.xml": outer.encode("utf-16")})) == "undecodable"


def test_limits_hold():
    assert reason(docx(words("x" * 200)), Limits(max_text_chars=100)) == "too_large"
    assert reason(docx("<w:p/>" * 1000), Limits(max_text_chars=100)) == "too_large"
    assert reason(docx("<w:p/>" * 40), Limits(max_pieces=10)) == "too_complex"
    assert reason(docx("<w:x>" * 300 + "</w:x>" * 300)) == "undecodable"
    assert reason(docx("")) == "no_text"
