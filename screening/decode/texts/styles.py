"""Find the texts that a style puts into a page (CSS Generated Content, CSS Lists, CSS Counter Styles)."""

from __future__ import annotations

import re
from typing import NamedTuple

STRING = r""""(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?"""
COMMENT = re.compile(rf"({STRING})|/\*(?s:.*?)(?:\*/|\Z)", re.DOTALL)
RULE = re.compile(rf"(?<![\w\\-])((?:[\w-]|\\.)++)\s*+:((?:[^;{{}}\"']|{STRING})*+)", re.DOTALL)
TOKEN = re.compile(rf"({STRING})|attr\(\s*([\w-]+)|var\(|(?<![\w-])--(?=\w[\w-]*\()", re.DOTALL | re.IGNORECASE)
ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(\n)|(.))", re.DOTALL)
SHOWN = frozenset((
    "content", "quotes", "list-style", "list-style-type", "symbols", "additive-symbols", "prefix", "suffix", "negative",
    "text-emphasis", "text-emphasis-style", "text-overflow", "hyphenate-character",
))  # fmt: skip
FILE = re.compile(rf"({STRING})|url\(\s*(data:[^\"')]*)", re.DOTALL | re.IGNORECASE)
FEW = 3  # letters that a style puts in one by one; fewer are marks
LETTER = re.compile(r"[^\W\d_]")


class Style(NamedTuple):
    """What a style shows: its texts, the names of the attributes whose values it shows, and the data URIs in it.

    `variables` are texts that are shown where a style of the page asks for them, and `asks` says that this one does.
    """

    texts: list[str]
    variables: list[str]
    asks: bool
    attributes: set[str]
    files: list[str]


def read_style(style: str) -> Style:
    """Return what a style shows; its cost is linear."""
    found: list[str] = []
    variables: list[str] = []
    attributes: set[str] = set()
    letters = ""  # each put before or after another element
    asks = False
    style = COMMENT.sub(lambda part: part[1] or " ", style)
    for rule in RULE.finditer(style):
        name = _unescaped(rule[1]).lower()
        is_variable = name.startswith("--") or name in ("initial-value", "result")
        if not (is_variable or name in SHOWN):
            continue
        text = ""
        for token in TOKEN.finditer(rule[2]):
            if token[1]:
                text += ("" if name == "content" else " ") + _value(token[1])
            elif token[2]:
                attributes.add(token[2].lower())
            asks |= token[0] == "--" or (token[0].lower() == "var(" and not is_variable)
        if len(text) == 1 and (text.isalpha() or text.isspace()):
            letters += text
        elif LETTER.search(text):
            (variables if is_variable else found).append(text.strip())
    values = (_value(file[1]) if file[1] else file[2] for file in FILE.finditer(style if "data:" in style else ""))
    files = [value for value in values if value.lstrip()[:5].lower() == "data:"]
    if len(letters.split()) > 1 or len(letters) >= FEW:
        found.append(letters)
    return Style(found, variables, asks, attributes, files)


def _value(string: str) -> str:
    return _unescaped(string[1:].removesuffix(string[0]))


def _unescaped(text: str) -> str:
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    if not escape[1]:
        return escape[3] or ""
    number = int(escape[1], 16)
    return chr(number) if 0 < number < 0x110000 else "�"
