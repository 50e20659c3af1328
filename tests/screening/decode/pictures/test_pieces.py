"""Picture files of very many pieces are refused before Pillow walks them; ordinary ones are not."""

from __future__ import annotations

import pytest

from screening.decode import Limits, decode
from screening.errors import UploadError
from tests.fuzz.bombs import chunk, directories, frames, jpeg, png, scans
from tests.screening.decode.conftest import FORMATS, encode, scene
from tests.screening.decode.texts.heavy import Clock

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # Pillow, of damage

GIF = b"GIF89a\1\0\1\0\0\0\0"
MANY = {
    "PNG chunks": lambda: png(16, 16, before=chunk(b"prVt") * 1_000_000),
    "PNG data in tiny chunks": lambda: png(16, 16, before=chunk(b"IDAT") * 1_000_000),
    "JPEG segments": lambda: jpeg(b"\xff\xfe\0\2" * 2_000_000),
    "JPEG fill bytes": lambda: jpeg(b"\xff" * 5_000_000),
    "JPEG bytes between segments": lambda: jpeg(b"\xff\xfe\0\2" + b"\1" * 5_000_000),
    "JPEG Exif": lambda: jpeg(b"\xff\xe1\0\x0aExif\0\0II" * 500_000),
    "JPEG scans": lambda: scans(2_000),
    "GIF frames": lambda: frames(1_000_000),
    "GIF comments": lambda: GIF + b"\x21\xfe\1a\0" * 1_000_000 + b";",
    "one GIF comment": lambda: GIF + b"\x21\xfe" + (b"\xff" + b"a" * 255) * 50_000 + b"\0;",
    "GIF blocks of a byte": lambda: encode(scene(), format="GIF")[:-1] + b"\x21\xff" + b"\1a" * 500_000 + b"\0;",
    "TIFF pages": lambda: directories(100_000),
}


@pytest.mark.parametrize("name", MANY)
def test_a_file_of_very_many_pieces_is_refused_in_time(name):
    data, clock = MANY[name](), Clock()
    with pytest.raises(UploadError, match=r"too_complex: more pieces of image/.* than 200000, the limit"):
        decode(data)
    assert clock.seconds < 1


def test_tags_that_all_point_to_the_same_megabytes_are_refused():
    page = directories(1)
    entry = (0x9000).to_bytes(2, "little") + b"\7\0" + (4_000_000).to_bytes(4, "little") + b"\0\0\0\0"
    data = page[:8] + (60_009).to_bytes(2, "little") + page[10:-4] + entry * 60_000 + bytes(4) + bytes(4_000_000)
    clock = Clock()
    with pytest.raises(UploadError, match="too_complex"):
        decode(data)
    assert clock.seconds < 1


@pytest.mark.parametrize("media_type", FORMATS)
def test_ordinary_pictures_have_few_pieces(media_type, valid):
    decode(valid[media_type], Limits(max_pieces=2_100))  # one scan of a JPEG is 2,000


@pytest.mark.slow
def test_progressive_jpegs_and_animations_have_few_pieces():
    decode(encode(scene(2000, 1500), format="JPEG", progressive=True), Limits(max_pieces=25_000))
    turned = [scene().rotate(turn) for turn in range(1, 200)]
    decode(encode(scene(), format="GIF", save_all=True, append_images=turned), Limits(max_pieces=10_000))
    decode(directories(5_000))


def test_a_tiff_in_a_circle_ends():
    decode(directories(3, back=True))
