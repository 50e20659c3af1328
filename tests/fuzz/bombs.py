"""Uploads made by hand to cost far more than they weigh, or to be read otherwise than they look."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from PIL import Image

from tests.fuzz.mutants import Case
from tests.screening.decode.conftest import encode, scene
from tests.screening.decode.papers.made import docx, epub, pdf, words
from tests.screening.decode.texts.heavy import MARKDOWN, PAGES, TEXTS, page


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int = 8, colours: int = 2, before: bytes = b"", data: bytes = b"") -> bytes:
    """A PNG of any claims, with chunks before its data, which is black unless given."""
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    if not data:
        deflate = zlib.compressobj(1)
        row = bytes(1 + (width * samples * depth + 7) // 8)
        data = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + chunk(b"IEND")


def frames(number: int) -> bytes:
    """A GIF of frames of one pixel."""
    first = encode(Image.new("P", (1, 1)), format="GIF")
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return first[:-1] + frame * number + b";"


def directories(number: int, back: bool = False) -> bytes:
    """A TIFF of so many pages of one pixel; the last leads back to the first."""
    entries = [
        (256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1),
        (278, 3, 1, 1), (279, 4, 1, 1),
    ]  # fmt: skip
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    size = len(body) + 4
    pages = (body + struct.pack("<I", 8 + (i + 1) * size) for i in range(number - 1))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages) + body + struct.pack("<I", 8 if back else 0)


def jpeg(before: bytes = b"", scan: bytes = b"") -> bytes:
    """A JPEG with segments before the first and something before its end."""
    data = encode(scene(), format="JPEG")
    return data[:2] + before + data[2:-2] + scan + data[-2:]


def scans(number: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encode(Image.new("RGB", (4000, 4000)), format="JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * number + data[-2:]


def aliases(number: int) -> bytes:
    """Markdown whose title says a word 2^number times, by YAML's aliases."""
    lines = "".join(f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]\n" for i in range(1, number))
    return f"---\nx0: &x0 [word]\n{lines}title: *x{number - 1}\n---\n# T\n".encode()


SVG = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>"


def _uses(number: int) -> bytes:
    groups = (f"<g id='g{i}'><use href='#g{i - 1}'/><use href='#g{i - 1}'/></g>" for i in range(1, number))
    return SVG + b"<rect id='g0' width='9' height='9'/>" + "".join(groups).encode() + b"</svg>"


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "PNG of 100 megapixels": lambda: png(10_000, 10_000, 8, 0),
    "PNG of 100 megapixels and 16 bits": lambda: png(10_000, 10_000, 16, 0),
    "PNG of 100 megapixels, 16 bits and 4 colours": lambda: png(10_000, 10_000, 16, 6, data=b"x"),
    "PNG that claims 2^31 a side": lambda: png(2**31 - 1, 2**31 - 1, data=b"x"),
    "PNG whose data goes on": lambda: png(16, 16, data=zlib.compress(bytes(300 << 20), 1)),
    "PNG with a bomb of text": lambda: png(
        16, 16, before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20), 1))
    ),
    "PNG with a bomb of a profile": lambda: png(
        16, 16, before=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(200 << 20)))
    ),
    "PNG of tiny chunks": lambda: png(16, 16, before=chunk(b"prVt") * 1_000_000),
    "PNG of tiny texts": lambda: png(16, 16, before=chunk(b"tEXt", b"a\0b") * 1_000_000),
    "APNG that claims 2^31 frames": lambda: png(16, 16, before=chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    "JPEG of tiny segments": lambda: jpeg(b"\xff\xfe\0\2" * 2_000_000),
    "JPEG of fill bytes": lambda: jpeg(b"\xff" * 10_000_000),
    "JPEG of Exif": lambda: jpeg(b"\xff\xe1\0\x0aExif\0\0II" * 500_000),
    "JPEG of profiles": lambda: jpeg(b"\xff\xe2\0\x10ICC_PROFILE\0\1\1" * 500_000),
    "JPEG of many scans": lambda: scans(20_000),
    "GIF of a million frames": lambda: frames(1_000_000),
    "GIF of comments": lambda: b"GIF89a\1\0\1\0\0\0\0" + b"\x21\xfe\1a\0" * 2_000_000 + b";",
    "GIF that claims 65535 a side": lambda: (
        b"GIF89a\xff\xff\xff\xff\0\0\0" + b"\x2c" + b"\0" * 4 + b"\xff" * 4 + b"\0\2;"
    ),
    "TIFF of 100,000 pages": lambda: directories(100_000),
    "TIFF whose last page leads to the first": lambda: directories(3, back=True),
    "WebP of many chunks": lambda: _riff(b"abcd\0\0\0\0" * 1_000_000),
    "PDF of a page of 10^6 points": lambda: pdf(["Words."]).replace(b"[0 0 595 842]", b"[0 0 1000000 1000000]"),
    "PDF of a picture that claims 2^31 a side": lambda: pdf(["Words."], picture=scene()).replace(
        b"/Width 96 /Height 64", b"/Width 2147483647 /Height 2147483647"
    ),
    "PDF of pages without end": lambda: pdf(["Words."]).replace(b"/Kids [5 0 R]", b"/Kids [2 0 R 5 0 R]"),
    "PDF of 100,000 paths": lambda: pdf(["Words."]).replace(b"BT", b"0 0 m 500 800 l S " * 100_000 + b"BT"),
    "DOCX of 250 MB": lambda: docx(words("Words."), {"word/media/a.bin": bytes(250 << 20)}),
    "DOCX of 60 MB of empty elements": lambda: docx("<w:p/>" * 10_000_000),
    "DOCX of 5,000 pictures": lambda: docx(
        words("Words."), {f"word/media/{i}.png": png(9, 9, before=chunk(b"tEXt", b"a\0%d" % i)) for i in range(4_990)}
    ),
    "EPUB of empty elements": lambda: epub({"a.xhtml": "<a/>" * 1_000_000}),
    "EPUB of angles": lambda: epub({"a.xhtml": "<a " * 1_000_000}),
    "SVG of groups that use groups": lambda: _uses(40),
    "SVG of 100,000 shapes": lambda: SVG + b"<path d='M0 0L9 9Q3 4 5 6z' stroke='red'/>" * 45_000 + b"</svg>",
    "JSON in JSON": lambda: b'{"text": ' + b'{"text": ' * 200_000,
    "JSON of numbers": lambda: b'{"text": "x", "n": [' + b"9," * 900_000 + b"9]}",
    "JSON of keys": lambda: json.dumps({"text": "x", **{f"k{i}": i for i in range(120_000)}}).encode(),
    "JSON of quotes": lambda: b'{"text": "' + b'\\"' * 900_000 + b'"}',
    "JSON with pages in it": lambda: json.dumps({"text": page("<b>x</b>" * 200_000)}).encode(),
    "JSON with a lone surrogate": lambda: b'{"text": "a\\ud800b"}',
    "HTML in HTML": lambda: b"<html><body>" + b"<div>" * 300_000,
    "HTML of entities": lambda: page("&amp;&lt;&#65;" * 120_000).encode(),
    "HTML of entities that are declared": lambda: b"<!DOCTYPE html [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;'>]><p>&b;&b;",
    "HTML of one comment": lambda: b"<html><!--" + b"-" * 1_900_000,
    "HTML of angles": lambda: b"<html>" + b"<" * 1_900_000,
    "HTML of long metadata": lambda: f"<html><head><title>{'a - b | ' * 200_000}</title></head><p>x".encode(),
    "Markdown in Markdown": lambda: b"# T\n\n" + b"> " * 30_000 + b"deep",
    "Markdown of brackets": lambda: b"# T\n\n" + b"[" * 90_000,
    "Markdown of backticks": lambda: b"# T\n\n" + b"".join(b"`" * (i % 300 + 1) + b" " for i in range(600)),
    "Markdown with a bomb of front matter": lambda: aliases(80),
    "Markdown with long front matter": lambda: b"---\ntitle: " + b"a, " * 600_000 + b"\n---\n# T\n",
    "Markdown with a heading of blanks": lambda: b"# a" + b" " * 1_000_000 + b"b\n",
    "text of nulls": lambda: bytes(100_000),
    "text of marks": lambda: b"\xef\xbb\xbf" * 100_000,
    "text of half characters": lambda: b"text \xe2\x82" * 100_000,
    "text in UTF-16 of halves": lambda: b"\xff\xfe" + b"\0\xd8" * 100_000,
    "text of every legacy byte": lambda: bytes(range(0xA0, 0x100)) * 5000,
    "text of 60 MB": lambda: b"word " * 12_000_000,
    "one line of pipes": lambda: b"|" * 1_900_000,
    "lines of pipes": lambda: b"||\n" * 600_000,
}


def bombs() -> Iterator[Case]:
    """Those above, made as they are asked for."""
    return (Case(f"bomb: {name}", build()) for name, build in BOMBS.items())


def heavy() -> Iterator[Case]:
    """The pages and texts that have tests of their own."""
    for kind, texts in (("HTML", PAGES), ("Markdown", MARKDOWN), ("text", TEXTS)):
        yield from (Case(f"bomb: {kind} of {name}", text().encode()) for name, text in texts.items())


def _riff(more: bytes) -> bytes:
    data = io.BytesIO(encode(scene(), format="WEBP")).getvalue() + more
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
