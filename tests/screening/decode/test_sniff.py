"""The type of an upload comes from its bytes."""

from __future__ import annotations

import struct

import pytest

from screening.decode import DECODERS, decode, sniff
from screening.decode.charset import read_text
from screening.errors import UploadError

REFUSED = {
    "application/zip": b"PK\x03\x04\x14\0",
    "application/gzip": b"\x1f\x8b\x08\0",
    "video/mp4": b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2",
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\0\0",
    "video/webm": b"\x1a\x45\xdf\xa3\x01\0\0\0",
    "video/x-msvideo": b"RIFF\0\0\0\0AVI LIST",
    "audio/wav": b"RIFF\0\0\0\0WAVEfmt ",
    "audio/flac": b"fLaC\0\0\0\x22",
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0",
    "application/ogg": b"OggS\0\x02",
    "image/vnd.microsoft.icon": b"\0\0\x01\0\x01\0",
    "image/heic-sequence": b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc",
    "application/xml": b"<?xml version='1.0'?><feed/>",
    "multipart/related": b"From: x\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n",
    "application/octet-stream": bytes(range(256)),
}


def test_every_decoder_has_an_upload_that_sniffs_as_its_type(valid):
    assert {media_type: sniff(data) for media_type, data in valid.items()} == {name: name for name in DECODERS}


@pytest.mark.parametrize("media_type", REFUSED)
def test_other_types_are_named_and_refused(media_type):
    assert sniff(REFUSED[media_type]) == media_type
    with pytest.raises(UploadError) as refusal:
        decode(REFUSED[media_type])
    assert (refusal.value.reason, refusal.value.detail) == ("unsupported_type", media_type)


def test_a_still_that_calls_itself_heif_but_is_avif_is_avif():
    assert sniff(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "image/avif"


@pytest.mark.parametrize(
    "text",
    [
        "BMW has shown a new car.",
        "MZ began the letter.",
        "ID3 is a tag.",
        "GIF is how it is said.",
        "PKU is an illness.",
    ],
)
def test_words_that_look_like_a_signature_stay_text(text):
    assert sniff(text.encode()) == "text/plain"


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ('{"title": "x"}', "application/json"),
        ('  [{"text": "x"}]', "application/json"),
        ("[1] Miller 1999 says so, and [2] agrees.", "text/plain"),
        ("{curly} beginnings are prose", "text/plain"),
        ("<p>fragment</p>", "text/html"),
        ("<!-- note --><html></html>", "text/html"),
        ("<3 is how I feel about it", "text/plain"),
        ("Title\n=====\n\nText", "text/markdown"),
        ("See [this](https://example.org) and **that**.", "text/markdown"),
        ("#hashtags are no headings", "text/plain"),
        ("A - b - c.\n\n5 * 3 * 2 = 30", "text/plain"),
        ("---\ntitle: x\n---\nwords", "text/markdown"),
    ],
)
def test_kinds_of_text(text, media_type):
    assert sniff(text.encode()) == media_type
    assert sniff(b"\xef\xbb\xbf" + text.encode()) == media_type
    assert sniff(text.replace("\n", "\r\n").encode("utf-16")) == media_type


LEGACY = {
    "cp1252": "Le café était déjà fermé quand nous sommes arrivés à l'hôtel, près de la forêt.",
    "latin-1": "Die Straße war für Fußgänger gesperrt, während die Brücke repariert wurde.",
    "cp1251": "Город принял новые правила парковки на центральных улицах, жители недовольны.",
    "koi8-r": "Город принял новые правила парковки на центральных улицах, жители недовольны.",
    "cp1253": "Το δημοτικό συμβούλιο συζήτησε την Τρίτη τις αλλαγές στους κανόνες στάθμευσης.",
    "cp1256": "ناقش مجلس المدينة يوم الثلاثاء التغييرات المقترحة على قواعد وقوف السيارات.",
    "cp932": "市議会は火曜日に駐車規則の変更案を審議した。住民は意見を聞かれなかったと述べた。",
    "gb18030": "市议会周二讨论了老城区停车规则的修改方案。居民表示没有征求他们的意见。",
    "euc-kr": "시의회는 화요일 구시가지 주차 규정 변경안을 논의했다. 주민들은 의견을 묻지 않았다고 말했다.",
}


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-32", *LEGACY])
def test_charsets(charset):
    text = LEGACY.get(charset, LEGACY["koi8-r"])
    assert read_text(text.encode(charset)) == text
    long = "\n".join([text] * 2000)
    assert read_text(long.encode(charset)) == long


def test_a_page_is_read_in_the_charset_that_it_declares():
    page = "<html><head><meta charset='iso-8859-2'></head><body>Żółta łódź płynęła powoli</body></html>"
    assert read_text(page.encode("iso-8859-2")) == page


@pytest.mark.parametrize("label", ["utf-7", "unicode_escape", "zlib", "no-such", "iso-2022-jp"])
def test_a_declared_charset_that_is_none_of_the_webs_is_not_trusted(label):
    data = f"<meta charset={label}>".encode() + "Die Brücke wurde für Fußgänger gesperrt.".encode("cp1252")
    assert read_text(data) == f"<meta charset={label}>Die Brücke wurde für Fußgänger gesperrt."


def test_text_is_strict():
    assert read_text(b"words\x00words") is None
    assert read_text(b"\xff\xfe" + b"odd") is None  # half a UTF-16 character
    assert read_text(b"\xef\xbb\xbfwords\xff") is None  # a UTF-8 mark, but no UTF-8
    assert read_text(struct.pack("<HH", 0xFEFF, 0xD800)) is None  # a lone surrogate


def test_a_long_text_of_one_line_in_an_old_charset_is_a_text():
    line = "Le café de la gare est fermé à midi, mais l'été il reste ouvert. " * 3000
    assert read_text(line.encode("cp1252")) == line
