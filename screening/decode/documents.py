"""Decode JSON and Markdown into the text that a person would read, with its title and other named fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import yaml
from markdown_it import MarkdownIt

from screening.decode.article import UNPRINTABLE, check_length, make_article
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import HTML, JSON, MARKDOWN, Sniffed, text_type
from screening.decode.visible import visible
from screening.errors import UploadError
from screening.records import Article

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | bool | None"

BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
MARKS = re.compile(r"[\n*_`~\[\]<>&\\|#+=-]")  # what Markdown's rules look at; each can cost 50 µs
FRONT_MATTER = re.compile(r"\A---\n((?:[^\n]*\n){1,100}?)---[ \t]*(?:\n|\Z)")
HEADING = re.compile(r"^#[ \t]+([^ \t\n].*)$", re.MULTILINE)
MOST_FRONT = 10_000  # characters of front matter; reading YAML takes about 20 µs for each


def json_article(sniffed: Sniffed, limits: Limits, fields: Fields) -> Article:
    """Return the fields of a JSON object as an Article; HTML in a field becomes its visible text.

    Raises UploadError with `undecodable` (also for a key that appears twice, since readers differ in which one they
    take), `too_deep`, `too_large` or `no_text`.
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


def markdown(sniffed: Sniffed, limits: Limits, fields: Fields) -> Article:
    """Return the rendered text of Markdown (CommonMark and tables), with the fields of its YAML front matter.

    Raw HTML in it is rendered too. Raises UploadError with `no_text`, `too_large`, `too_deep` or `too_complex`.
    """
    text = sniffed.text
    check_length(text, limits)
    if (marks := _marks(text)) > limits.max_marks:
        raise UploadError("too_complex", f"{marks} lines, marks and cells of Markdown, limit {limits.max_marks}")
    facts: dict[str, str] = {}
    if front := FRONT_MATTER.match(text):
        facts = _front_matter(front[1], fields)
        text = text[front.end() :] if facts else text
    heading = HEADING.search(text)
    # The preset silently drops what is nested deeper than 20 levels; text that was not read must never pass.
    renderer = MarkdownIt("commonmark", {"maxNesting": 1 << 20}).enable("table")
    rendered = visible(renderer.render(text)).text
    return make_article(
        MARKDOWN, limits, {"title": heading[1].rstrip(" \t#") if heading else "", **facts, "text": rendered}
    )


def _marks(text: str) -> int:
    """Count the work for Markdown's rules: lines, marks, and table cells, with short rows filled up."""
    marks = sum(1 for _ in MARKS.finditer(text))
    for block in text.split("\n\n") if "|" in text else ():
        lines = block.split("\n")
        marks += len(lines) * max(line.count("|") for line in lines)
    return marks


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
    """Return the facts of an article by field name, taken from the keys in `fields`; a missing fact is ""."""
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
    """Yield the value of a dotted key: that of the key spelled with its dots, else that at the end of the path."""
    if not isinstance(document, Mapping):
        return
    if key in document:
        yield document[key]
    elif "." in key:
        first, rest = key.split(".", 1)
        yield from _values(document.get(first), rest)


def _words(value: Json, joint: str = "\n\n") -> str:
    """Join the strings in a value: the items of a list in order; `name`, `text` and `value` of an object."""
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
    return visible(clean).text


class _Plain(yaml.BaseLoader):
    """Builds strings, lists and dicts only, and refuses aliases: 100 lines of them can repeat a word 10^29 times."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def _front_matter(text: str, fields: Fields) -> dict[str, str]:
    """Return the facts in front matter; none if it is not front matter but part of the text."""
    try:
        facts = yaml.load(text, _Plain) if len(text) <= MOST_FRONT else None
    except yaml.YAMLError:
        return {}
    found = mapped(facts, fields) if isinstance(facts, dict) else {}
    return {name: value for name, value in found.items() if value and name != "text"}
