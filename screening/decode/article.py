"""Plain text and JSON to the words that a reader would read, and what all documents share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from screening.decode.limits import Fields, Limits
from screening.decode.sniff import HTML, JSON, PLAIN, Sniffed, text_type
from screening.errors import UploadError
from screening.records import Article

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | bool | None"

MAX_FACT = 1000  # characters of a title, byline, date or language; what is longer is none

BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
# C0 and C1 controls but tab and newline, and lone surrogates, which JSON can spell and nothing can store
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(sniffed: Sniffed, limits: Limits, _: Fields) -> Article:
    """Plain text as it stands; UploadError no_text, too_large."""
    check_length(sniffed.text, limits)
    return make_article(PLAIN, limits, {"text": sniffed.text})


def json_article(sniffed: Sniffed, limits: Limits, fields: Fields) -> Article:
    """The fields of a JSON object, HTML in them as its visible text.

    UploadError undecodable (also for a key that stands twice, which readers resolve differently), too_deep,
    too_large, no_text.
    """
    text = sniffed.text
    check_length(text, limits)
    _check_nesting(text, limits.max_nesting)
    try:
        document = json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=_unique)
    except ValueError as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise UploadError("undecodable", f"JSON: {place}") from None
    return make_article(JSON, limits, mapped(document, fields))


def needs_sandbox(sniffed: Sniffed) -> bool:
    """Whether a document goes through a parser that hostile input can crash or stall."""
    if sniffed.media_type == JSON:  # markup in a field, however its bracket is spelled
        text = sniffed.text
        return "<" in text or "\\u003c" in text or "\\u003C" in text
    return sniffed.media_type != PLAIN


def make_article(media_type: str, limits: Limits, facts: Mapping[str, str]) -> Article:
    """An article of its facts by field name, `text` among them; UploadError no_text, too_large."""
    text = UNPRINTABLE.sub("�", facts["text"]).strip()
    check_length(text, limits)
    if not text:
        raise UploadError("no_text", media_type)
    lines = {name: " ".join(UNPRINTABLE.sub("�", fact).split())[:MAX_FACT] for name, fact in facts.items()}
    return Article(media_type, **{**lines, "text": text})


def check_length(text: str, limits: Limits) -> None:
    """UploadError too_large for more characters than a document may have."""
    if len(text) > limits.max_text_chars:
        raise UploadError("too_large", f"{len(text)} characters, limit {limits.max_text_chars}")


def _check_nesting(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    depth = 0
    for token in BRACKETS.finditer(text):
        sign = token[0]
        depth += (sign in "[{") - (sign in "]}")
        if depth > most:
            raise UploadError("too_deep", f"JSON deeper than {most} levels")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def mapped(document: Json, fields: Fields) -> dict[str, str]:
    """The facts of an article, by field name, that stand under the keys of `fields`; "" for what is not there."""
    texts = dict.fromkeys(_words(value) for key in fields.text for value in _values(document, key))
    facts = {"text": "\n\n".join(filter(None, map(_unmarked, texts)))}
    for name, keys in (
        ("title", fields.title),
        ("byline", fields.byline),
        ("date", fields.date),
        ("language", fields.language),
    ):
        values = (_words(value, ", ") for key in keys for value in _values(document, key))
        facts[name] = _unmarked(next(filter(None, values), ""))
    return facts


def _values(document: Json, key: str) -> Iterator[Json]:
    """What stands under a dotted key: the key spelled with its dots first, then the path."""
    if not isinstance(document, Mapping):
        return
    if key in document:
        yield document[key]
    elif "." in key:
        first, rest = key.split(".", 1)
        yield from _values(document.get(first), rest)


def _words(value: Json, joint: str = "\n\n") -> str:
    """The strings of a value: itself, a list's in order, the `name`, `text` and `value` of an object in it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _words([value.get(key) for key in ("name", "text", "value")], joint)
    if isinstance(value, list):
        return joint.join(filter(None, (_words(item, joint) for item in value)))
    return ""


def _unmarked(text: str) -> str:
    clean = UNPRINTABLE.sub("�", text)
    if "<" not in clean or text_type(clean) != HTML:
        return clean
    from screening.decode.visible import visible

    return visible(clean).text
