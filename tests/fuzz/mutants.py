"""Mutants: a valid upload, changed in one to four ways, each told from a seed and a number alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.seeds import seeds

LENGTHS = (0, 1, 2, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
WORDS = (
    b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"<", b"<!--", b"<![CDATA[",
    b"<script>", b"</p>", b"<svg>", b"&#x110000;", b"&#0;", b"&lt;", b"<p a='", b"<table><td>",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"{", b'{"a":', b"[[[[", b'"', b"\\u0000", b"\\ud800", b"```", b"> > > ", b"| | |\n|-|-|\n", b"[a](", b"_*_*",
    b"---\n", b"&a;", b"\r", b"\x0c", b"\x1b$B", b"\xe2\x80\xae", b"\xcc\x81" * 40, b"%PDF-", b"GIF89a", b"\xff\xd8",
    b"\xff\xd9", b"IDAT", b"IEND", b"acTL", b"fdAT", b"RIFF", b"VP8X", b"ANMF", b"ftypavif", b"Exif\0\0MM\0*",
)  # fmt: skip

Change = Callable[[random.Random, bytearray], bytearray]


@dataclass(frozen=True, slots=True)
class Case:
    """An upload to try, and how it was made."""

    name: str
    data: bytes


def mutant(seed: int, number: int) -> Case:
    """The mutant of that number, always the same."""
    chance = random.Random(f"{seed}/{number}")
    name, data = chance.choice(list(seeds().items()))
    changes = [chance.choice(CHANGES) for _ in range(chance.choice((1, 1, 1, 2, 3, 4)))]
    changed = bytearray(data)
    for change in changes:
        changed = change(chance, changed)
    return Case(f"{number}: {name}, {' + '.join(change.__name__.strip('_') for change in changes)}", bytes(changed))


def _flip(chance: random.Random, data: bytearray) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if data:
            data[_place(chance, data)] ^= 1 << chance.randrange(8)
    return data


def _cut(chance: random.Random, data: bytearray) -> bytearray:
    return data[: _place(chance, data)]


def _drop(chance: random.Random, data: bytearray) -> bytearray:
    start = _place(chance, data)
    return data[:start] + data[start + chance.choice((1, 2, 4, 12, 100, 1000)) :]


def _splice(chance: random.Random, data: bytearray) -> bytearray:
    other = chance.choice(list(seeds().values()))
    return data[: _place(chance, data)] + other[_place(chance, other) :]


def _repeat(chance: random.Random, data: bytearray) -> bytearray:
    start = _place(chance, data)
    piece = data[start : start + chance.choice((1, 4, 12, 100, 1000))]
    return data[:start] + piece * chance.choice((2, 3, 50, 2000)) + data[start:]


def _swap(chance: random.Random, data: bytearray) -> bytearray:
    a, b = sorted((_place(chance, data), _place(chance, data)))
    size = min(chance.choice((4, 12, 100)), b - a)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return data


def _length(chance: random.Random, data: bytearray) -> bytearray:
    """A number of one, two, four or eight bytes, in either order, where headers have their lengths and counts."""
    size, order = chance.choice((1, 2, 2, 4, 4, 8)), chance.choice(("big", "little"))
    value = chance.choice((*LENGTHS, len(data), len(data) - 1)) & ((1 << 8 * size) - 1)
    place = _place(chance, data)
    data[place : place + size] = value.to_bytes(size, order)
    return data


def _insert(chance: random.Random, data: bytearray) -> bytearray:
    place = _place(chance, data)
    return data[:place] + chance.choice(WORDS) * chance.choice((1, 1, 3, 300)) + data[place:]


def _place(chance: random.Random, data: bytes | bytearray) -> int:
    """Often in the first hundred bytes, where the headers are."""
    most = min(len(data), 100) if chance.random() < 0.4 else len(data)
    return chance.randrange(most) if most else 0


CHANGES: tuple[Change, ...] = (_flip, _flip, _cut, _drop, _splice, _repeat, _swap, _length, _length, _insert)
