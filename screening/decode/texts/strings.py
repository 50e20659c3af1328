"""Find the strings of JSON or YAML that hold words, and read each as a person would be shown it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from html import unescape
from typing import TypeAlias

from screening.content.links import addresses
from screening.decode.assembly import printable
from screening.decode.texts.embedded import lift
from screening.decode.texts.reader import Reader
from screening.decode.texts.shown import shown

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | bool | None"

LONG, SHORT = 8, 200  # words, characters; a string with fewer of both is read together with the other short ones
MOST_PLACES = 64  # keys whose long strings are parts of their own
SHORT_STRINGS = "short strings"
TOKEN = re.compile(r"[!-~]+")  # ASCII without a blank: perhaps a URL, an id, a hash or a date
WORD = re.compile(r"[A-Za-z]{1,40}(?:['-][A-Za-z]{1,40}){0,3}[.,!?]?")
LETTER = re.compile(r"[^\W\d_]")
TAG = re.compile(r"<[a-zA-Z!/]")
INLINE = re.compile(r"</?(?:a|abbr|b|code|em|font|i|mark|q|s|small|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE)
BLOCK = re.compile(r"</?[a-zA-Z][^<>]*>|<!--|-->")


def wordy(text: str) -> bool:
    """Return whether a string holds words; URLs, ids, hashes, dates and numbers are told by their form."""
    text = text.strip()
    return bool(WORD.fullmatch(text) if TOKEN.fullmatch(text) else LETTER.search(text))


def read_strings(reader: Reader, value: Json, source: str, ignored: Collection[str]) -> None:
    """Add all strings with words that have not been read yet, by the path of their keys; `ignored` are such paths.

    A string with tags is read as HTML and also without its tags, since a reader may be shown either.
    """
    found: dict[str, list[str]] = {}
    for path, whole in _strings(value, "", frozenset(ignored)):
        for address in addresses(whole):
            reader.made.link(f"{source}:{path}", address)
        text, files = lift(printable(whole))
        reader.files(files)
        if TAG.search(text):
            reader.rest(shown(text), f"{source}:{path}/")
            text = unescape(BLOCK.sub("\n\n", INLINE.sub(" ", text)))
        elif "&" in text and (plain := unescape(text)) != text:
            text = f"{text}\n\n{plain}"
        if wordy(text):
            short = len(text) < SHORT and len(text.split()) < LONG and text.isascii()
            place = SHORT_STRINGS if short or (path not in found and len(found) > MOST_PLACES) else path
            found.setdefault(place, []).extend(text.split("\n\n"))
    reader.strings({f"{source}:{path}": texts for path, texts in found.items()})


def _strings(value: Json, path: str, ignored: frozenset[str]) -> Iterator[tuple[str, str]]:
    if path in ignored and path:
        return
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if " " in key.strip():
                yield "keys", key
            yield from _strings(inner, f"{path}.{key}" if path else key, ignored)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, path, ignored)
