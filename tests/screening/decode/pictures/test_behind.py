"""What stands behind the end of a picture is found and named; what belongs to it is not."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from screening.decode import decode
from screening.decode.pictures.behind import behind
from tests.screening.decode.conftest import FORMATS, encode, scene

PAGE = b"<html><body><script>alert(1)</script></body></html>"
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x10mdat" + b"film" * 2
ENDED = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")


@pytest.mark.parametrize("media_type", FORMATS)
def test_nothing_stands_behind_a_picture_that_ends_where_it_ends(media_type, valid):
    document = decode(valid[media_type])
    assert (document.trailing, document.trailing_bytes) == ("", 0)


@pytest.mark.parametrize("media_type", ENDED)
def test_a_page_behind_a_picture_is_named(media_type, valid):
    document = decode(valid[media_type] + PAGE)
    assert (document.trailing, document.trailing_bytes) == ("text/html", len(PAGE))


@pytest.mark.parametrize("media_type", ENDED)
def test_padding_is_nothing(media_type, valid):
    assert decode(valid[media_type] + b"\0" * 512).trailing == ""


def test_the_film_of_a_motion_photo_was_not_looked_at(valid):
    for film in (FILM, b"MotionPhoto_Data" + FILM):
        document = decode(valid["image/jpeg"] + film)
        assert document.trailing == ""
        assert [each.what for each in document.not_looked_at] == ["the film of a motion photo"]


def test_a_phones_trailer_is_known(valid):
    document = decode(valid["image/jpeg"] + b"Image_UTC_Data1700000000000" + b"SEFH" + b"\x6a\0\0\0" * 4 + b"SEFT")
    assert (document.trailing, document.not_looked_at) == ("", ())


def test_the_pictures_of_one_jpeg_are_not_behind_it_but_in_it():
    whole = encode(scene(), format="MPO", save_all=True, append_images=[scene().rotate(180)])
    document = decode(whole)
    assert (document.trailing, [part.place for part in document.parts]) == ("", ["picture", "picture 2"])
    assert decode(whole + PAGE).trailing == "text/html"


def test_a_progressive_jpeg_ends_after_its_last_scan(make):
    whole = make.encode(make.scene(), format="JPEG", progressive=True, restart_marker_blocks=1)
    assert behind("image/jpeg", whole) is None
    assert behind("image/jpeg", whole + PAGE).size == len(PAGE)


def test_a_thumbnail_in_the_exif_data_does_not_end_a_jpeg(make):
    exif = Image.Exif()
    exif[0x010E] = "a description " * 20
    thumb = io.BytesIO()
    make.scene(16, 16).save(thumb, "JPEG")
    whole = make.encode(make.scene(), format="JPEG", exif=exif.tobytes() + thumb.getvalue())
    assert behind("image/jpeg", whole) is None


def test_a_picture_that_is_a_pdf_as_well_is_named(make):
    whole = make.encode(make.scene(), format="JPEG", comment=b"%PDF-1.4 and so on")
    assert "pdf" in decode(whole).trailing
