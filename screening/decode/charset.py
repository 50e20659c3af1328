"""Decode bytes to text: in one charset, which must fit all of them but for a few damaged characters."""

from __future__ import annotations

import codecs
import re

import pycld2
import webencodings
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
UNMARKED = 32  # bytes of UTF-16 without a mark; less may as well be a few small numbers
BLOCKS = 3  # of 256 characters that such a text has: ASCII, its own script, and quotation marks; as high bytes
LAST = 0xD7  # the last block with letters before those for private use; negative numbers have higher ones
PLAIN = 0.9  # or so much of it is ASCII

# What is guessed among: WHATWG Encoding § 4.2, without those that are hardly met and look like others
LEGACY = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp866", "cp874",
    "iso8859_2", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_15", "koi8_r", "koi8_u",
    "gb18030", "big5", "euc_jp", "cp932", "cp949",
)  # fmt: skip
LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "cp1258", "iso8859_2", "iso8859_15")  # of equals the first is taken
# Python's decoders of these lack characters that WHATWG's have, such as ① in EUC-JP: the next one is tried then.
WIDER = {"euc_jp": ("euc_jp", "euc_jis_2004"), "iso2022_jp": ("iso2022_jp", "iso2022_jp_ext")}

UNFIT = re.compile("[\x1b\x7f-\x9f]")  # controls with which CLD2 rejects a whole text
HEAD = 2048  # bytes of a document in which it says its charset; WHATWG HTML § 13.2.3.2 asks for 1,024
COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
DECLARED = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w:.-]{2,40})"""
    rb"""|\A\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w:.-]{2,40})""",
    re.IGNORECASE,
)
SHIFTED = re.compile(rb"\x1b(?:\$[@B]|\([BIJ])")  # ISO-2022-JP changes its set; often without a label
FOREIGN = re.compile(rb"[\xc0-\xff]{3}")  # letters of a script that is not Latin, or of several bytes
HIGH = re.compile(rb"[\x80-\xff]")
RARE = 100  # in a Western text with fewer than 1 in so many bytes beyond ASCII, these are quotes and names
MARGIN = 0.1  # of charset-normalizer's `chaos`; within it, windows-1252 wins, since it is the web's own fallback
SAMPLE = 64 << 10  # bytes from which a legacy charset is guessed
DAMAGED = 2  # so many times more bytes must prove a charset than are no characters in it


def read_text(data: bytes) -> str | None:
    """Return the text of `data`, or None if it is not text; damaged characters become U+FFFD.

    The charset is told from a byte order mark, or from the zero bytes of UTF-16. Otherwise UTF-8 is tried, then what an
    HTML or XML document declares, then charset-normalizer's guess among the encodings of the web.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            marked = _strict(data[len(mark) :], encoding)
            return None if marked is None or BINARY.search(marked.encode()) else marked
    if BINARY.search(data):
        return _unmarked(data)
    declared = _declared(data)
    if declared == "replacement":  # such a page hides its words from everybody but a browser that can be attacked
        return None
    # A page that is valid UTF-8 is read as such, whatever else it declares: a browser would garble its accents, but the
    # words are what its author wrote. Only the shifts of ISO-2022-JP are valid UTF-8 too.
    japanese = "iso2022_jp" if declared in ("", "iso2022_jp") and SHIFTED.search(data) else ""
    for encoding in (japanese, "utf_8", declared):
        for name in WIDER.get(encoding, (encoding,) if encoding else ()):
            if (text := _strict(data, name)) is not None:
                return text
    for encoding in (japanese, "utf_8", declared):
        if encoding and (text := _mended(data, encoding)) is not None:
            return text
    return _guessed(data)


def _unmarked(data: bytes) -> str | None:
    """Read UTF-16 without a mark: of the two bytes of each character, one is 0, or else the same for a whole script."""
    zeros = data[::2].count(0), data[1::2].count(0)
    if len(data) < UNMARKED or min(zeros) > 0:
        return None
    blocks = data[zeros[1] > 0 :: 2]
    if max(blocks) > LAST or (len(set(blocks)) > BLOCKS and max(zeros) < PLAIN * len(blocks)):
        return None
    text = _strict(data, "utf_16_le" if zeros[1] else "utf_16_be")
    return text if text and all(sign.isprintable() or sign in "\t\n\r\f" for sign in text) else None


def _declared(data: bytes) -> str:
    """Return Python's name of the encoding that a document declares, `replacement`, or "" if it declares none."""
    said = DECLARED.search(COMMENT.sub(b"", data[:HEAD]))
    known = said and webencodings.lookup((said[1] or said[2]).decode("ascii", "replace"))
    if not known:
        return ""
    if known.name.startswith("utf-16"):  # WHATWG HTML § 13.2.3.2: it could not be read if it were
        return "utf_8"
    if known.name == "x-user-defined":  # as above
        return "cp1252"
    # All that GBK has is in GB 18030, which is how the standard decodes it.
    name = "gb18030" if known.name == "gbk" else known.codec_info.name
    return str(name).replace("-", "_")


def _mended(data: bytes, encoding: str) -> str | None:
    """Read a text with few damaged characters, or that ends in the midst of one.

    What proves the charset are the bytes beyond the first of each character: hardly any are where another one is meant.
    """
    text = data.decode(encoding, "replace")
    whole = text.replace("\ufffd", "")
    proof = len(whole.encode()) - len(whole)
    return text if proof >= DAMAGED * (len(text) - len(whole)) else None


def _guessed(data: bytes) -> str | None:
    western = _strict(data, LEGACY[0])
    if western is not None and not FOREIGN.search(data) and len(data) > RARE * len(HIGH.findall(data)):
        return western
    sample = data
    if len(data) > SAMPLE:  # the sample ends at a line or a word, so that no character is cut in half
        head = data[:SAMPLE]
        sample = head.rpartition(b"\n")[0] or head.rpartition(b" ")[0] or head
    guesses = list(from_bytes(sample, cp_isolation=list(LEGACY)))
    # Almost all bytes are letters in windows-874, so it must be Thai in its letters' frequencies too.
    sound = [guess for guess in guesses if guess.coherence or guess.encoding != "cp874"]
    near = [guess.encoding for guess in sound if guess.chaos <= guesses[0].chaos + MARGIN]
    if LEGACY[0] in near:  # Latin letters; which ones is told from the words
        alike = [encoding for encoding in LATIN if _strict(sample, encoding) is not None]
        near = [max(alike, key=lambda encoding: _likeness(sample.decode(encoding)))]
    return _strict(data, near[0]) if near else None


def _likeness(text: str) -> float:
    """Return how much a text is like its languages, by the four-letter pieces that CLD2 knows."""
    _, _, languages = pycld2.detect(UNFIT.sub(" ", text), bestEffort=True)
    return float(sum(percent * score for _, _, percent, score in languages))


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
