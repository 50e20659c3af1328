"""A PDF is its text, what was written on it later, and how its pages look."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image

from screening.content import Picture, Text
from screening.decode import MAX_SIDE, Decoder, Limits, decode
from screening.decode.papers.pdf import MOST_PATHS
from screening.errors import UploadError
from tests.screening.decode.papers.made import pdf, stream

RED = Image.new("RGB", (40, 30), (200, 30, 30))


def reason(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(UploadError) as refusal:
        decode(data, limits)
    return refusal.value.reason


def places(data: bytes, limits: Limits = Limits()) -> dict[str, str]:
    """The roles of the parts, by place."""
    return {part.place: part.role for part in decode(data, limits).parts}


def missed(data: bytes, limits: Limits = Limits()) -> dict[str, int]:
    return {each.what: each.count for each in decode(data, limits).not_looked_at}


def said(data: bytes, place: str) -> str:
    """The text in a place."""
    content = next(part.content for part in decode(data).parts if part.place == place)
    assert isinstance(content, Text)
    return content.text


def test_the_text_of_all_pages_is_the_main_part_and_each_page_is_a_picture():
    data = pdf(["The first page.\nIts second line.", "The second page."], info="/Title (A bridge)")
    assert said(data, "main") == "The first page.\nIts second line.\n\nThe second page."
    assert places(data) == {"main": "main", "title": "title", "page 1": "rest", "page 2": "rest"}
    assert missed(data) == {}


def test_pages_look_as_they_are_shown():
    page = decode(pdf(["Words."], picture=RED)).parts[-1].content
    assert isinstance(page, Picture)
    assert page.height == MAX_SIDE
    assert page.pixels.shape == (1024, page.width, 3)
    assert np.abs(page.pixels[900, 100].astype(int) - (200, 30, 30)).max() < 3  # (bottom left, where the picture is)
    assert (page.pixels[500, 700] == 255).all()


def test_a_scan_is_about_its_first_page():
    assert places(pdf(["", ""], picture=RED, info="/Title (Scan)")) == {
        "page 1": "main",
        "title": "title",
    }  # the second page is the same


def test_what_is_written_on_a_page_later_is_read():
    note = "<</Type /Annot /Subtype /Text /Rect [9 9 30 30] /Contents (A note on it.)>>"
    field = "<</Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (A field with words.) /Rect [9 40 300 60]>>"
    data = pdf(["The page itself."], notes=note + field, catalog=f"/AcroForm <</Fields [{field}]>>")
    assert said(data, "annotations") == "A note on it.\n\nA field with words."


def test_the_outline_and_the_subject_are_read():
    outline = "/Outlines <</First 99 0 R /Last 99 0 R /Count 1>>"
    data = pdf(["The page itself."], catalog=outline, info="/Subject (About a bridge)")
    data = data.replace(b"trailer", b"99 0 obj <</Title (A chapter of it)>> endobj\ntrailer")
    assert said(data, "outline") == "A chapter of it"
    assert said(data, "description") == "About a bridge"


def test_pictures_are_first_when_there_is_no_room_for_all_pages():
    plain = pdf([f"Page {number}." for number in range(4)])
    assert missed(plain, Limits(frames=2)) == {}  # their text was read
    assert sum(place.startswith("page") for place in places(plain, Limits(frames=2))) == 2
    drawn = pdf([f"Page {number}." for number in range(4)], picture=RED)
    assert missed(drawn, Limits(frames=3)) == {"page": 1}


def test_a_page_of_too_many_lines_is_read_but_not_drawn():
    data = pdf(["Words.", "Others."]).replace(b"BT", b"0 0 m 9 9 l S " * (MOST_PATHS + 1) + b"BT", 1)
    assert missed(data) == {"page": 1}
    assert places(data) == {"main": "main", "page 2": "rest"}


@pytest.mark.parametrize(
    ("subtype", "what"),
    [*((film, "film or sound") for film in ("Movie", "Sound", "Screen", "RichMedia")),
     ("FileAttachment", "attached file")],
)  # fmt: skip
def test_what_is_not_a_page_is_missed(subtype, what):
    assert missed(pdf(["Words."], notes=f"<</Type /Annot /Subtype /{subtype} /Rect [9 9 30 30]>>")) == {what: 1}


def test_files_scripts_and_forms_of_other_programs_are_missed():
    file = "/EmbeddedFiles <</Names [(a) <</Type /Filespec /F (a.txt)>>]>>"
    script = "/JavaScript <</Names [(b) <</S /JavaScript /JS (app.alert\\(1\\))>>]>>"
    assert missed(pdf(["Words."], catalog=f"/Names <<{file} {script}>>")) == {"attached file": 1, "script": 1}
    assert missed(pdf(["Words."], catalog="/AcroForm <</XFA (x)>>")) == {"form": 1}


def test_a_pdf_with_a_password_is_encrypted():
    lock = f"/Encrypt <</Filter /Standard /V 1 /R 2 /O ({'o' * 32}) /U ({'u' * 32}) /P -4>> /ID [(a) (a)]"
    assert reason(pdf(["Secret words."], trailer=lock)) == "encrypted"


def test_limits_hold():
    data = pdf(["Some words."] * 4, picture=RED)
    assert reason(data, Limits(max_frames=3)) == "too_large"
    assert reason(data, Limits(max_text_chars=30)) == "too_large"
    assert reason(data, Limits(max_pixels=1199)) == "too_many_pixels"
    assert reason(data, Limits(max_pieces=3)) == "too_complex"
    assert reason(pdf([])) == "undecodable"
    assert reason(b"%PDF-1.7 and no more") == "undecodable"


@pytest.mark.slow
def test_bombs_are_refused_behind_the_walls():
    """A page of 10^12 pixels, a picture that claims as many, and one whose data goes on and on."""
    page = pdf(["Words."]).replace(b"[0 0 595 842]", b"[0 0 1000000 1000000]")
    claims = pdf(["Words."], picture=RED).replace(b"/Width 40 /Height 30", b"/Width 999999 /Height 999999")
    long = pdf(["Words."]).replace(
        b"endobj\ntrailer", b"endobj\n4 0 obj " + stream(zlib.compress(bytes(200 << 20)),
        "/Type /XObject /Subtype /Image /Width 4 /Height 4 /BitsPerComponent 8 /ColorSpace /DeviceRGB"
        " /Filter /FlateDecode") + b" endobj\ntrailer"
    )  # fmt: skip
    with Decoder() as decoder:
        assert decoder.decode(page).parts
        assert decoder.decode(long).parts
        with pytest.raises(UploadError) as refusal:
            decoder.decode(claims)
    assert refusal.value.reason == "too_many_pixels"
