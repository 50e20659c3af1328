"""A text is read in the charset that it declares, or that its bytes show, and a damaged character costs no more."""

from __future__ import annotations

import random

import pytest
import webencodings
from webencodings.labels import LABELS

from screening.decode import decode
from screening.decode.charset import read_text
from screening.decode.sniff import examine, sniff

WESTERN = "Près de la forêt, le café était fermé."
RUSSIAN = "Город принял новые правила парковки."
ARABIC = "ناقش مجلس المدينة قواعد وقوف السيارات"
GREEK = "Το δημοτικό συμβούλιο συζήτησε τις αλλαγές."
HEBREW = "העירייה דנה בשינויים בכללי החניה."
JAPANESE = "市議会は火曜日に駐車規則の変更案を審議した。"
CENTRAL = "Příliš žluťoučký kůň"
BALTIC = "Įlinkdama fechtuotojo špaga sublykčiojusi"
# what can be written in each encoding of the standard
WORDS = {
    "utf-8": RUSSIAN, "ibm866": RUSSIAN, "iso-8859-2": CENTRAL, "iso-8859-3": "ĉiuj ĝardenoj ŝanĝiĝas",
    "iso-8859-4": "Šis gads būs ļoti labs", "iso-8859-5": RUSSIAN, "iso-8859-6": ARABIC, "iso-8859-7": GREEK,
    "iso-8859-8": HEBREW, "iso-8859-8-i": HEBREW, "iso-8859-10": "Šis gads būs labs", "iso-8859-13": BALTIC,
    "iso-8859-14": "Tŷ ar lan yr afon, ŵyn bach", "iso-8859-15": "Un œuf à 3 €", "iso-8859-16": "Orașul își știe țelul",
    "koi8-r": RUSSIAN, "koi8-u": "Місто ухвалило нові правила, її ґрунт", "macintosh": WESTERN,
    "windows-874": "เทศบาลหารือเรื่องที่จอดรถ", "windows-1250": CENTRAL, "windows-1251": RUSSIAN, "windows-1252": WESTERN,
    "windows-1253": GREEK, "windows-1254": "Kütüphane açılıyor, ışıklar yenilendi", "windows-1255": HEBREW,
    "windows-1256": ARABIC, "windows-1257": BALTIC, "windows-1258": "Đồng hồ".replace("ồ", "ô\u0300"),
    "x-mac-cyrillic": RUSSIAN, "gbk": "市议会讨论了停车规则", "gb18030": "市议会讨论了停车规则𠀀",
    "big5": "市議會討論了停車規則",
    "euc-jp": JAPANESE, "iso-2022-jp": JAPANESE, "shift_jis": JAPANESE + "①", "euc-kr": "시의회는 똠방각하를 논의했다",
}  # fmt: skip
NONE = {"replacement", "x-user-defined", "utf-16le", "utf-16be"}
LONG = "The town library reopens on Saturday, and the children\u2019s corner has moved. "


def page(label: str, words: str) -> str:
    return f'<html><head><meta charset="{label}"></head><body>{words}</body></html>'


def test_every_encoding_of_the_standard_is_tried():
    assert set(LABELS.values()) == WORDS.keys() | NONE


@pytest.mark.parametrize("label", [label for label, name in LABELS.items() if name in WORDS])
def test_a_document_is_read_in_what_it_declares_by_any_label_of_the_standard(label):
    words = WORDS[LABELS[label]]
    codec = webencodings.lookup(label).codec_info
    for document in (
        page(label, words),
        f'<meta http-equiv="Content-Type" content="text/html; charset={label.upper()}"><p>{words}',
        f'<?xml version="1.0" encoding="{label}"?><html><body>{words}</body></html>',
    ):
        assert read_text(codec.encode(document)[0]) == document


def test_a_declaration_in_a_comment_is_none():
    text = f"<!-- <meta charset=windows-1251> -->{page('iso-8859-7', GREEK)}"
    assert read_text(text.encode("iso8859_7")) == text


@pytest.mark.parametrize("label", ["utf-16", "utf-16be", "unicode"])
def test_a_readable_declaration_of_utf_16_means_utf_8(label):
    text = page(label, RUSSIAN)
    assert read_text(text.encode()) == text
    damaged = text.encode() + b"\xff"
    assert read_text(damaged) == text + "\ufffd"


def test_user_defined_means_windows_1252():
    text = page("x-user-defined", WESTERN)
    assert read_text(text.encode("cp1252")) == text


@pytest.mark.parametrize("label", [label for label, name in LABELS.items() if name == "replacement"])
def test_an_encoding_that_the_web_replaces_is_no_text(label):
    assert read_text(page(label, "words").encode()) is None


def test_utf_8_is_read_as_such_whatever_it_declares():
    text = page("iso-8859-1", "« C’est magnifique », dit la bibliothécaire, très émue.")
    assert read_text(text.encode()) == text


@pytest.mark.parametrize("frame", [page("iso-2022-jp", JAPANESE), f"Subject: {JAPANESE}\n\n{JAPANESE}"])
def test_japanese_mail_is_read_with_and_without_a_declaration(frame):
    assert read_text(frame.encode("iso2022_jp")) == frame


def test_japanese_shifts_in_a_page_of_another_charset_hide_no_words():
    text = page("utf-8", "\x1b$Bkilling\x1b(B")
    assert read_text(text.encode()) == text


def test_colours_of_a_terminal_are_no_japanese():
    text = "\x1b[31mred\x1b[0m and plain"
    assert read_text(text.encode()) == text


@pytest.mark.parametrize("words", [JAPANESE, RUSSIAN, ARABIC, LONG * 3])
@pytest.mark.parametrize("bad", [b"\xff", b"\x80", b"\xc3", b"\xe2\x82"])
def test_utf_8_with_a_bad_byte_is_utf_8(words, bad):
    assert read_text(words.encode() + bad + words.encode()) == f"{words}\ufffd{words}"


@pytest.mark.parametrize("cut", [1, 2])
def test_a_text_that_ends_in_the_midst_of_a_character_is_whole_but_for_that(cut):
    assert read_text((LONG * 2 + "“").encode()[:-cut]) == LONG * 2 + "\ufffd"


def test_a_few_bytes_of_windows_1252_in_an_english_text_are_its_quotes_and_names():
    text = LONG * 3 + "Zoë’s café is “open”."
    assert read_text(text.encode("cp1252")) == text
    assert (
        read_text((LONG * 3).replace("\u2019", "'").encode() + b"\xa3 5") == (LONG * 3).replace("\u2019", "'") + "£ 5"
    )


def test_a_declared_charset_survives_a_bad_byte():
    text = page("euc-jp", JAPANESE)
    assert read_text(text.encode("euc_jp") + b"\xff") == text + "\ufffd"
    thai = page("tis-620", WORDS["windows-874"])
    assert read_text(thai.encode("cp874") + b"\xfc") == thai + "\ufffd"


@pytest.mark.parametrize("encoding", ["utf_16_le", "utf_16_be"])
@pytest.mark.parametrize("words", [LONG, RUSSIAN, GREEK, "Two lines\r\nwith a tab\t and “quotes” — and Łódź."])
def test_utf_16_without_a_mark(encoding, words):
    text = examine(words.encode(encoding)).text
    assert text == words.replace("\r\n", "\n")


SENTENCES = {
    "cp1254": "Kütüphane cumartesi günü yeniden açılıyor. Çocuk köşesi zemin kata taşındı, eski katalog salonda.",
    "cp874": "หอสมุดเมืองเปิดให้บริการอีกครั้งในวันเสาร์หลังจากปิดซ่อมแซมแปดเดือน มุมเด็กย้ายไปอยู่ชั้นล่าง",
    "cp1250": "Městská knihovna se v sobotu znovu otevírá. Dětský koutek je teď v přízemí a starý katalog v sále.",
    "cp1257": "Miesto biblioteka šeštadienį vėl atveria duris. Vaikų kampelis perkeltas į pirmąjį aukštą.",
    "cp866": "Городская библиотека снова открывается в субботу после восьми месяцев ремонта.",
    "iso8859_6": "تعيد مكتبة المدينة فتح أبوابها يوم السبت بعد ثمانية أشهر من الترميم.",
}


@pytest.mark.parametrize("encoding", SENTENCES)
def test_undeclared_letters_are_told_by_their_words(encoding):
    text = SENTENCES[encoding]
    assert read_text(text.encode(encoding)) == text


def test_a_page_in_japanese_mail_encoding_decodes_to_its_words():
    article = "<article><p>" + JAPANESE * 8 + "</p></article>"
    document = decode(page("iso-2022-jp", article).encode("iso2022_jp"))
    assert JAPANESE in document.parts[0].content.text


def test_numbers_and_noise_do_not_become_text():
    chance = random.Random(3)
    for size in (48, 400, 4000):
        for _ in range(50):
            samples = b"".join(chance.randrange(-300, 300).to_bytes(2, "little", signed=True) for _ in range(size // 2))
            counts = b"".join(chance.randrange(1, 90_000).to_bytes(4, "little") for _ in range(size // 4))
            for noise in (chance.randbytes(size), samples, counts):
                assert not sniff(noise).startswith("text/")
