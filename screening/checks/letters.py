"""Undo disguises by characters: those that nobody sees, that look like others, or that are shown in another order."""

from __future__ import annotations

import re
import unicodedata

from screening.checks.lookalikes import INVISIBLE, LOOKALIKES, SAME, SCIENCE, SMALL_CAPITALS, STYLED, spans
from screening.checks.vocabulary import PIECE, Undone, known, whole

STYLE, ALIKE, CAPS = spans(STYLED), spans(LOOKALIKES), spans(SMALL_CAPITALS)
LATIN = "A-Za-z\u00c0-\u024f"
TAGS = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007e]+\U000e007f?"
)  # after a black flag they name a country
FRAME = re.compile("[\u202a-\u202e\u2066-\u2069\n]")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
HIDDEN = re.compile(f"(?<=[{LATIN}])[{INVISIBLE}]+(?=[{LATIN}0-9@$!])")
BROKEN = re.compile(f"[{LATIN}](?:[{INVISIBLE}]*[{LATIN}0-9@$!])+[{INVISIBLE}]*")
LETTER = re.compile(f"[{LATIN}]")
GAP = re.compile(f"[{INVISIBLE}]+")
MARKED = re.compile(f"[{LATIN}](?:[{LATIN}]|[\u0300-\u036f])*")
MARKS = re.compile("[\u0300-\u036f]+")
ACCENTS = frozenset(
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u031b\u0323\u0324\u0325\u0327\u0328\u0329\u032d\u0330\u0331\u0361"
)
STYLED_WORD = re.compile(f"[A-Za-z{STYLE}]*[{STYLE}][A-Za-z{STYLE}]*")
WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
SMALL = re.compile(f"(?<![^\\W_])[A-Z]?[{CAPS}{SAME}]+(?![^\\W_])")
BESIDE = re.compile(f"[A-Za-z][{ALIKE}]|[{ALIKE}][A-Za-z]")
WORD = re.compile(r"[^\W\d_]+")


def tags(text: str) -> Undone:
    """Show text in tag characters, which nobody sees but a machine reads; it goes to the end."""
    said = [
        word for run in TAGS.findall(text) if (word := "".join(chr(ord(s) & 0x7F) for s in run if s < "\U000e007f"))
    ]
    return ("\n".join((TAGS.sub("", text), *said)), sum(len(each.split()) for each in said)) if said else (text, 0)


def turned(text: str) -> Undone:
    """Turn around what an override shows from right to left (Unicode UAX #9), unless its letters go that way anyway."""
    frames: list[tuple[str, list[str]]] = [("", [])]
    turned = 0

    def close() -> None:
        nonlocal turned
        sign, pieces = frames.pop()
        shown = "".join(pieces)
        if sign == "\u202e" and not RIGHT_TO_LEFT.search(shown):
            shown = "".join(reversed(pieces))
            turned += len(shown.split())
        frames[-1][1].append(shown if sign in ("", "\u202e") else sign + shown)

    at = 0
    for mark in (*FRAME.finditer(text), None):
        end = mark.start() if mark else len(text)
        frames[-1][1].extend(text[at:end])
        sign = mark[0] if mark else "\n"
        at = mark.end() if mark else end
        if sign in "\u202c\u2069":
            if len(frames) > 1:
                close()
        elif sign == "\n":
            while len(frames) > 1:
                close()
            frames[-1][1].append("\n" if mark else "")
        elif len(frames) < 125:  # the deepest that the standard knows
            frames.append((sign, []))
    return ("".join(frames[0][1]), turned) if turned else (text, 0)


def joined(text: str) -> Undone:
    """Take out what is invisible inside words; a soft hyphen is no disguise unless it cuts off a single letter."""
    if not HIDDEN.search(text):
        return text, 0
    count = 0

    def join(word: re.Match[str]) -> str:
        nonlocal count
        pieces = GAP.sub(" ", word[0]).split()
        together = "".join(pieces)
        if len(pieces) < 2 or not all(map(LETTER.search, pieces)):
            return word[0]
        if all(map(whole, pieces)) and not known(together):  # it is where a line may break between two words
            return word[0]
        count += min(map(len, pieces)) <= (1 if "\u00ad" in word[0] else 3)
        return together

    return BROKEN.sub(join, text), count


def unmarked(text: str) -> Undone:
    """Take away marks piled on Latin letters, or such as no language has; accents that a language has stay."""
    count = 0

    def clean(word: re.Match[str]) -> str:
        nonlocal count
        composed = unicodedata.normalize("NFC", word[0])
        if all(len(marks) < 3 and ACCENTS.issuperset(marks) for marks in MARKS.findall(composed)):
            return word[0]
        count += 1
        return MARKS.sub("", composed)

    return MARKED.sub(clean, text), count


def plain(text: str) -> Undone:
    """Read styled letters as letters where they make words; a style alone is no disguise, so none is counted."""
    found = {word.translate(STYLED) for word in STYLED_WORD.findall(text)}
    letters = [piece for word in found for piece in PIECE.findall(word) if known(piece)]
    if not any(len(word) > 3 for word in letters) and sum(len(word) == 3 for word in letters) < 2:
        return text, 0
    if 2 * len(WIDE.findall(text)) > sum(map(len, letters)):
        return text, 0
    return text.translate(STYLED).replace("\u3000", " "), 0


def small(text: str) -> Undone:
    """Read small capitals as letters, in lines where they make words."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        words = [
            word.translate(SMALL_CAPITALS)
            for word in SMALL.findall(line)
            if sum(ord(sign) in SMALL_CAPITALS for sign in word) > 1
        ]
        if any(len(word) > 2 and known(word) for word in words):
            lines[number] = SMALL.sub(lambda word: word[0].translate(SMALL_CAPITALS), line)
    folded = "\n".join(lines)
    return folded, sum(a != b for a, b in zip(text.split(), folded.split(), strict=True))


def latin(text: str) -> Undone:
    """Read look-alike letters as Latin, in lines that are mostly Latin and hold words of both."""
    if not BESIDE.search(text):
        return text, 0
    lines = text.split("\n")
    count = 0
    for number, line in enumerate(lines):
        found = WORD.findall(line)
        kinds = [_kind(word) for word in found]
        if "mixed" not in kinds or kinds.count("other") > kinds.count("latin") + kinds.count("mixed"):
            continue
        several = kinds.count("mixed") > kinds.count("other")

        def read(word: re.Match[str], several: bool = several) -> str:
            kind = _kind(word[0])
            return word[0].translate(LOOKALIKES) if kind == "mixed" or (kind == "alike" and several) else word[0]

        lines[number] = WORD.sub(read, line)
        count += kinds.count("mixed") + several * kinds.count("alike")
    return "\n".join(lines), count


def _kind(word: str) -> str:
    """Return whether a word is Latin, made of look-alikes, mixed of both, or of another script."""
    if word.isascii():
        return "latin"
    alike = [at for at, sign in enumerate(word) if ord(sign) in LOOKALIKES]
    foreign = sum(sign > "\u024f" and not "\u1e00" <= sign <= "\u1eff" for sign in word)
    if not foreign:
        return "latin"
    if len(alike) < foreign:
        return "other"
    if foreign == len(word):
        return "alike" if known(word.translate(LOOKALIKES)) or len(word) == 1 else "other"
    if all(word[at] in SCIENCE for at in alike):
        inside = any(
            word[at - 1 : at].isascii() and word[at + 1 : at + 2].isascii()
            for at in alike[:-1] or alike
            if 0 < at < len(word) - 1
        )
        return "mixed" if inside and known(word.translate(LOOKALIKES)) else "other"
    return "mixed" if 2 * foreign <= len(word) or known(word.translate(LOOKALIKES)) else "other"
