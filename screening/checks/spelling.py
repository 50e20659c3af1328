"""Undo disguises by spelling: letters set apart by blanks or lines, digits for letters, stars, and words in pieces."""

from __future__ import annotations

import re
from itertools import islice, product

from screening.checks.vocabulary import HARSH, PIECE, Undone, known, masked, parted, whole, words

MANY = 1000  # words with stars that are looked at in a text
FEW = 3  # so many words split or masked in one text are no slips and no politeness
SPLIT = 30  # and so many words of a line may be for one that is split
LONG = 9  # letters that a piece of a split word does not have
STOPS = ".,;:!?)\"'”’"
LONGEST = 24  # letters of a word

SINGLES = re.compile(r"[ .\-_*/|·•\n][A-Za-z][ .\-_*/|·•\n][A-Za-z](?![^\W_])")
SPACED = re.compile(
    r"(?<![^\W_])(?<![^\W_]['’])[A-Za-z](?:([ .\-_*/|·•\n])[A-Za-z](?![^\W_]))(?:\1[A-Za-z](?![^\W_])){2,}[.]?"
)
SHORT = re.compile(r"(?<![^\W_])[A-Za-z](?:([ .\-_*/|·•\n])[A-Za-z](?![^\W_]))+[.]?|(?<![^\W_])[A-Za-z]\.(?=\s)")
# what digits and signs stand for in place of letters
DIGITS = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "+": "t",
    "|": "li",
}  # fmt: skip
LEET = re.compile(r"(?<![\w#@/\\.=&?%:~$+!|-])[\w@$!+|]*[A-Za-z][\w@$!+|]*(?![\w@/\\=]|[.:-]\w)")
ANY_LEET = re.compile(r"(?<![^\s\"'(])[\w@$!+|]*[A-Za-z][\w@$!+|]*")
MIXED = re.compile(r"[0134578@$!+|](?:(?<=[A-Za-z].)[\w@$!+|]|(?<=[@$])[a-z0-9$]{2})")
STARRED = re.compile(r"(?<![\w*/.\\])[A-Za-z]+(?:\*[A-Za-z]+)+(?![\w*/(])")
CUT = re.compile(r"(?<![\w.@/-])[A-Za-z]+([-._])[A-Za-z]+(?:\1[A-Za-z]+)*(?![\w@/-]|\.\w)")
LINKED = re.compile(r"[-._](?<=[A-Za-z].)[A-Za-z]")


def together(text: str) -> Undone:
    """Join the letters of spaced words where they make words."""
    count = 0

    def join(run: re.Match[str]) -> str:
        nonlocal count
        letters = "".join(PIECE.findall(run[0]))
        pieces = parted(letters)
        if run[1] == "." and letters.isupper():  # an abbreviation
            return run[0]
        least = 4 if run[1] == "\n" else 3  # letters below each other may be the answers of a quiz
        if not pieces or max(map(len, pieces)) < least or sorted(letters) == list(letters):  # `a b c d` is a list
            return run[0]
        count += len(pieces)
        return " ".join(pieces)

    if not SINGLES.search(text):
        return text, 0
    joined = SPACED.sub(join, text)
    if count >= FEW:  # then the shorter words are spaced too
        joined = SHORT.sub(lambda run: "".join(PIECE.findall(run[0])), joined)
        joined = re.sub(r" {2,}", " ", joined)
    return joined, count


def letters(text: str) -> Undone:
    """Read digits and signs within words as the letters that they stand for."""
    tokens = _around(MIXED, text)
    count = sum(_leet(word) != word for token in tokens for word in LEET.findall(token))
    if not count:
        return text, 0
    if count >= FEW:
        return ANY_LEET.sub(lambda word: _leet(word[0], sure=True), text), count
    return _replaced(text, {token: LEET.sub(lambda word: _leet(word[0]), token) for token in tokens}), count


def _around(sign: re.Pattern[str], text: str) -> set[str]:
    """Return what stands between blanks around each match, unless it is long; so not every word is looked at."""
    found = set()
    end = 0
    for match in sign.finditer(text):
        if match.start() >= end:
            before = text[max(0, match.start() - LONGEST) : match.start()]
            start = match.start() - len(re.split(r"\s", before)[-1])
            token = text[start : match.end() + LONGEST].split(None, 1)[0]
            end = start + len(token)
            if len(token) < 2 * LONGEST:
                found.add(token)
    return found


def _replaced(text: str, new: dict[str, str]) -> str:
    """Return the text with words that stand between blanks replaced."""
    return re.sub(r"\S+", lambda word: new.get(word[0], word[0]), text)


def _leet(word: str, sure: bool = False) -> str:
    """Read a word; `sure` says that the text has others like it, so that digits may begin, end and outnumber it."""
    if word.isalpha() or len(word) > LONGEST or not word.isascii():
        return word
    end = len(word.rstrip("!|+"))
    core, rest = word[:end], word[end:]
    letters = sum(map(str.isalpha, core))
    signs = [sign for sign in core if not sign.isalpha()]
    if not signs or len(signs) > 6 or any(sign not in DIGITS for sign in signs):
        return word
    if letters <= sum(map(str.isdigit, core)) and not (sure and letters):
        return word
    if not (core.islower() or core.isupper() or (core[0] + core[1:].lower() == core)):
        return word
    inside = re.search(r"[A-Za-z][0134578@$!+|]+[A-Za-z]", core)
    spelled = ("".join(each) for each in product(*(DIGITS.get(sign, sign) for sign in core)))
    for candidate in spelled:
        lowered = candidate.lower()
        if lowered in HARSH or (sure and whole(lowered)) or (inside and len(candidate) > 3 and known(lowered)):
            return (candidate.upper() if core.isupper() else candidate) + rest
    return word


def unstarred(text: str) -> Undone:
    """Join words that a star cuts, or read it as a vowel if it hides one in several words."""
    if "*" not in text:
        return text, 0
    found = dict.fromkeys(word[0] for word in islice(STARRED.finditer(text), MANY))
    read: dict[str, str] = {}
    guessed: dict[str, str] = {}
    for word in found:
        pieces = word.split("*")
        together = "".join(pieces)
        if together.lower() in HARSH or (len(together) > 3 and known(together) and not all(map(whole, pieces))):
            read[word] = together
        elif len(word) <= LONGEST and (hidden := masked(word.lower())):
            guessed[word] = hidden if word.islower() else word[0] + hidden[1:]
    read |= guessed if len(guessed) >= FEW else {}
    return (STARRED.sub(lambda word: read.get(word[0], word[0]), text), len(read)) if read else (text, 0)


def uncut(text: str) -> Undone:
    """Join harsh words that a dash or a dot cuts."""
    tokens = _around(LINKED, text)
    new = {
        token: CUT.sub(lambda word: "".join(PIECE.findall(word[0])) if _is_cut(word[0]) else word[0], token)
        for token in tokens
    }
    count = sum(token != undisguised for token, undisguised in new.items())
    return (_replaced(text, new), count) if count else (text, 0)


def _is_cut(word: str) -> bool:
    pieces = PIECE.findall(word)
    return "".join(pieces).lower() in HARSH and not all(len(piece) > 2 and known(piece) for piece in pieces)


def unsplit(text: str) -> Undone:
    """Join words that blanks split, if a line has several; a slip is no disguise, so none is counted."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if len(line) > 2 * FEW and (joined := _rejoined(line.split(" "))):
            lines[number] = joined
    return "\n".join(lines), 0


def _rejoined(pieces: list[str]) -> str:
    """Return the line of these pieces with its split words joined, or "" if there are too few of them."""
    there = words()
    plain = [piece.rstrip(STOPS) for piece in " ".join(pieces).lower().split(" ")]
    joins: list[tuple[int, int]] = []
    free = 0
    odd = [at for at, piece in enumerate(plain) if piece not in there and len(piece) < LONG and piece.isalpha()]
    plain += ["", ""]
    for at in odd:
        here, after = plain[at], plain[at + 1]
        before = plain[at - 1] if at > free else ""
        for start, end, word in (
            (at - 1, at + 1, before + here),
            (at, at + 2, here + after),
            (at - 1, at + 2, before + here + after),
            (at, at + 3, here + after + plain[at + 2]),
        ):
            if word in there and start >= free and not whole(here) and _makes_word(pieces[start:end]):
                joins.append((start, end))
                free = end
                break
    if len(joins) < max(FEW, len(pieces) / SPLIT):
        return ""
    for start, end in reversed(joins):
        pieces[start:end] = ["".join(pieces[start:end])]
    return " ".join(pieces)


def _makes_word(pieces: list[str]) -> bool:
    last = pieces[-1].rstrip(STOPS)
    together = "".join((*pieces[:-1], last))
    return (
        len(pieces) > 1
        and last not in ("s", "t", "")
        and together.isalpha()
        and len(together) > 2
        and together[1:].islower()
    )
