"""Decode bytes to text strictly: if one byte is invalid in its charset, the whole is not text."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

# WHATWG MIME Sniffing § 3: "binary data bytes", which text written by people never holds
BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")

BOMS = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF32_LE, "utf_32_le"),  # before UTF-16, whose mark is the start of this one
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)

# WHATWG Encoding § 4.2: the legacy encodings of the web that can be told by their bytes, then those that a page can
# only declare. UTF-7 is in neither, and no browser reads it.
LEGACY = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_15", "koi8_r", "koi8_u",
    "gb18030", "big5", "euc_jp", "cp932", "cp949",
)  # fmt: skip
DECLARABLE = frozenset((
    *LEGACY, "cp866", "cp874", "iso8859_3", "iso8859_4", "iso8859_6", "iso8859_8", "iso8859_10", "iso8859_13",
    "iso8859_14", "iso8859_16", "mac_roman", "mac_cyrillic",
))  # fmt: skip
SAME = {  # on the web
    "shift_jis": "cp932", "euc_kr": "cp949", "gbk": "gb18030", "gb2312": "gb18030", "iso8859_9": "cp1254",
    "tis_620": "cp874", "iso8859_11": "cp874",
}  # fmt: skip
LABELS = {  # that Python does not know
    "windows-874": "cp874", "dos-874": "cp874", "iso-8859-8-i": "iso8859_8", "logical": "iso8859_8", "x-sjis": "cp932",
    "windows-31j": "cp932", "x-gbk": "gb18030", "x-x-big5": "big5", "x-mac-cyrillic": "mac_cyrillic", "koi": "koi8_r",
}  # fmt: skip
SHIFTS = re.compile(rb"\x1b(?:\$[@B]|\([BIJ])")  # ISO-2022-JP: its bytes are all ASCII, and a browser shows no shift
WESTERN = frozenset({"latin_1", "ascii", "iso8859_1"})  # on the web these labels mean windows-1252

DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w:.-]{2,40})""", re.IGNORECASE)
MARGIN = 0.1  # of charset-normalizer's `chaos`; within it, windows-1252 wins, since it is the web's own fallback
SAMPLE = 64 << 10  # bytes from which a legacy charset is guessed


def read_text(data: bytes) -> str | None:
    """Return the text of `data`, or None if it is not text.

    The charset is told from a byte order mark or the shifts of ISO-2022-JP, else UTF-8 is tried, then what an HTML page
    declares, then charset-normalizer's guess among the encodings of the web. Whichever it is must fit all of `data`.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            marked = _strict(data[len(mark) :], encoding)
            return None if marked is None or BINARY.search(marked.encode()) else marked
    if BINARY.search(data):
        return None
    if SHIFTS.search(data) and (shifted := _strict(data, "iso2022_jp_ext")) is not None:
        return shifted
    text = _strict(data, "utf_8")
    if text is not None:
        return text
    declared = DECLARED.search(data, 0, 2048)
    if declared and (name := _known(declared[1].decode("ascii", "replace"))):
        text = _strict(data, name)
        if text is not None:
            return text
    sample = data
    if len(data) > SAMPLE:  # the sample ends at a line or a word, so that no character is cut in half
        head = data[:SAMPLE]
        sample = head.rpartition(b"\n")[0] or head.rpartition(b" ")[0] or head
    guesses = list(from_bytes(sample, cp_isolation=list(LEGACY)))
    near = [guess.encoding for guess in guesses if guess.chaos <= guesses[0].chaos + MARGIN]
    if not near:
        return None
    return _strict(data, LEGACY[0] if LEGACY[0] in near else near[0])


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(LABELS.get(label.lower(), label)).name.replace("-", "_")
    except LookupError:
        return None
    known = SAME.get(name, name)
    return "cp1252" if known in WESTERN else known if known in DECLARABLE else None
