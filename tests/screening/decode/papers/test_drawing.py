"""SVG is how it looks, what it says, and the pictures in it; it reads nothing else."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from screening.content import Picture, Text
from screening.decode import Decoder, Limits, decode
from screening.errors import UploadError

START = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" viewBox="0 0 20 10">'


def look(markup: str) -> np.ndarray:
    content = decode(markup.encode()).main
    assert isinstance(content, Picture)
    return content.pixels


def test_a_drawing_is_a_picture_with_its_words(make):
    document = decode(make.drawing.encode())
    picture, *others = document.parts
    assert (picture.place, picture.role, picture.content.pixels.shape) == ("picture", "main", (683, 1024, 3))
    assert tuple(picture.content.pixels[10, 10]) == (30, 144, 255)
    words = " ".join(part.content.text for part in others if isinstance(part.content, Text))
    assert "Bridge Street" in words
    assert "A bridge" in words
    assert document.not_looked_at == ()


def test_what_it_refers_to_is_not_read(tmp_path):
    red = tmp_path / "red.svg"
    red.write_text(f'{START}<rect width="20" height="10" fill="red"/></svg>')
    for name in ("href", "x:href"):
        assert (look(f'{START}<image {name}="{red}" width="20" height="10"/></svg>') == 255).all()
    with Decoder() as decoder:
        assert decoder.decode(f'{START}<image href="{red}" width="20" height="10"/></svg>'.encode()).parts


def test_pictures_in_it_are_looked_at_and_scripts_are_missed(make):
    data = base64.b64encode(make.encode(make.scene(), format="PNG")).decode()
    document = decode(f'{START}<image href="data:image/png;base64,{data}"/><script>a()</script></svg>'.encode())
    assert [part.place for part in document.parts] == ["picture", "embedded 1/picture"]
    assert [each.what for each in document.not_looked_at] == ["script"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "markup",
    [
        f"{START}<rect",
        f'{START}<g id="a0"/>'
        + "".join(f'<g id="a{i}"><use href="#a{i - 1}"/><use href="#a{i - 1}"/></g>' for i in range(1, 30))
        + "</svg>",
        '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>',
        "<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'aaaaaaaaaa'>"
        + "".join(f"<!ENTITY a{i} '{f'&a{i - 1 if i else chr(0)};'.replace(chr(0), '') * 9}'>" for i in range(12))
        + f"]>{START}<text>&a11;</text></svg>",
    ],
)
def test_bombs_and_broken_drawings_are_refused(markup):
    with Decoder() as decoder, pytest.raises(UploadError) as refusal:
        decoder.decode(markup.encode())
    assert refusal.value.reason == "undecodable"


def test_drawings_within_a_page_are_drawn_and_icons_hold_no_page(make):
    def page(*drawings: str) -> bytes:
        sources = (base64.b64encode(each.encode()).decode() for each in drawings)
        images = "".join(f'<img src="data:image/svg+xml;base64,{each}">' for each in sources)
        return make.page.replace("</article>", images).encode()

    found = decode(page(make.drawing))
    assert [part.place for part in found.parts if isinstance(part.content, Picture)] == ["embedded 1/picture"]
    icons = [f'{START}<rect width="{width}" height="9"/></svg>' for width in range(1, 9)]
    found = decode(page(*icons, START + "<broken" + " " * 60), Limits(frames=3))
    assert sum(isinstance(part.content, Picture) for part in found.parts) == 3
    assert found.not_looked_at == ()


def test_a_drawing_of_too_many_shapes_is_refused():
    with pytest.raises(UploadError) as refusal:
        decode(f"{START}{'<g/>' * 10_000}</svg>".encode())
    assert refusal.value.reason == "too_complex"
