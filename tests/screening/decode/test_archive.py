"""An archive is told from its directory, and unpacked only if all that it holds is bounded."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from screening.decode import Limits, sniff
from screening.decode.archive import MOST_ENTRIES, unpack
from screening.errors import UploadError
from tests.screening.decode.papers.made import docx, epub, odt, packed, words

LETTER = docx(words("Words."))


def refusal(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(UploadError) as error:
        list(unpack(data, limits))
    return error.value.reason


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


def test_documents_are_told_from_other_archives():
    assert sniff(LETTER).endswith("wordprocessingml.document")
    assert sniff(odt("")) == "application/vnd.oasis.opendocument.text"
    assert sniff(epub({})) == "application/epub+zip"
    assert sniff(packed({"xl/workbook.xml": "", "[Content_Types].xml": ""})) == "application/zip"
    assert sniff(packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"})) == "application/zip"
    assert sniff(packed({"mimetype": "application/epub+zip" + " " * 100})) == "application/zip"
    assert sniff(LETTER[:-30]) == "application/zip"


def test_what_it_would_unpack_to_is_told_before_it_is_unpacked():
    bomb = zipped(("a", bytes(3 << 20)), ("b", bytes(3 << 20)))
    assert len(bomb) < 10_000
    assert refusal(bomb, Limits(max_bytes=1 << 20)) == "too_large"
    assert len(list(unpack(bomb, Limits(max_bytes=2 << 20)))) == 2


def test_an_entry_that_says_less_than_it_holds_is_not_unpacked_further():
    data = bytearray(zipped(("a", bytes(3 << 20))))
    place = data.rindex(b"PK\1\2")
    data[place + 24 : place + 28] = struct.pack("<I", 10)
    with pytest.raises(zipfile.BadZipFile):
        list(unpack(bytes(data), Limits()))


def test_too_many_entries_are_refused_unread():
    many = zipped(*((f"{number}", b"") for number in range(MOST_ENTRIES + 1)))
    assert sniff(many) == "application/zip"
    assert refusal(many) == "too_complex"


def test_passwords_other_methods_and_names_that_stand_twice_are_refused():
    locked = bytearray(zipped(("a", b"words")))
    locked[locked.rindex(b"PK\1\2") + 8] |= 1
    assert refusal(bytes(locked)) == "encrypted"
    assert refusal(zipped(("a", b"words"), method=zipfile.ZIP_LZMA)) == "undecodable"
    with pytest.warns(UserWarning, match="Duplicate"):
        assert refusal(zipped(("a", b"words"), ("a", b"other"))) == "undecodable"
