"""Decode JSON and Markdown into the text that a person would read, with its title and other named fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import yaml
from markdown_it import MarkdownIt

from screening.content import Document
from screening.content.kinds import HTML, JSON, MARKDOWN
from screening.decode.assembly import check_length, printable
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed, text_type
from screening.decode.texts.article import read_as_page
from screening.decode.texts.embedded import lift
from screening.decode.texts.reader import Reader
from screening.decode.texts.shown import shown
from screening.decode.texts.strings import Json, read_strings, wordy
from screening.errors import UploadError

BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
MARKS = re.compile(r"[\n*_`~\[\]<>&\\|#+=-]")  # what Markdown's rules look at; each can cost 50 µs
FRONT_MATTER = re.compile(r"\A---\n((?:[^\n]*\n){1,100}?)---[ \t]*(?:\n|\Z)")
HEADING = re.compile(r"^#[ \t]+([^ \t\n].*)$", re.MULTILINE)
MOST_FRONT = 10_000  # characters of front matter; reading YAML takes about 20 µs for each


def json_article(sniffed: Sniffed, limits: Limits, fields: Fields) -> Document:
    """Return a JSON document: of each article in it the main text and the title, then all other strings with words.

    An article is an object, and each object in a list, in `@graph` or on a line of its own. HTML in a string is read as
    a page. Raises UploadError with `undecodable` (also for a key that appears twice, since readers differ in which one
    they take), `too_deep`, `too_large` or `no_text`.
    """
    text, files = lift(sniffed.text)
    check_length(len(text), limits)
    _check_nesting(text, limits.max_nesting)
    values = _parsed(text)
    reader = Reader(JSON, limits)
    language = ""
    articles = [article for value in values for article in _articles(value)]
    for number, article in enumerate(articles, 1):
        facts = mapped(article, fields)
        within = f"article {number}/" if len(articles) > 1 else ""
        reader.main(facts["text"], facts["title"], f"{within}main", f"{within}title")
        language = language or facts["language"]
    for value in values:
        read_strings(reader, value, "json", fields.ignore)
    reader.files(files)
    return reader.made.document(language)


def markdown(sniffed: Sniffed, limits: Limits, fields: Fields) -> Document:
    """Return Markdown (CommonMark and tables) as it is rendered, with its front matter and what it does not show.

    Raw HTML in it is rendered too. Raises UploadError with `no_text`, `too_large`, `too_deep` or `too_complex`.
    """
    text, files = lift(sniffed.text)
    check_length(len(text), limits)
    if (marks := _marks(text)) > limits.max_marks:
        raise UploadError("too_complex", f"{marks} lines, marks and cells of Markdown, limit {limits.max_marks}")
    front: Json = None
    if found := FRONT_MATTER.match(text):
        front = _front_matter(found[1])
        text = text[found.end() :] if front else text
    facts = mapped(front, fields)
    heading = HEADING.search(text)
    # The preset silently drops what is nested deeper than 20 levels; text that was not read must never pass.
    renderer = MarkdownIt("commonmark", {"maxNesting": 1 << 20}).enable("table")
    names: dict[str, Any] = {}
    tokens = renderer.parse(text, names)
    page = shown(renderer.renderer.render(tokens, renderer.options, names))
    reader = Reader(MARKDOWN, limits)
    reader.main(page.text, facts["title"] or (heading[1].rstrip(" \t#") if heading else ""))
    reader.rest(page, comments=True)
    # Links are defined in lines of their own, which are not shown, even if nothing refers to them.
    defined = names.get("references", {}).values()
    unseen = [link["title"] for link in defined] + [token.info for token in tokens]  # the language of a block of code
    reader.strings({"source": [each for each in unseen if wordy(each)]})
    read_strings(reader, front, "front matter", fields.ignore)
    read_as_page(reader, text)
    reader.files(files)
    return reader.made.document(facts["language"])


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


def _parsed(text: str) -> list[Json]:
    """Return the value in a text, or those on its lines if each line has one (NDJSON)."""
    load = partial(json.loads, parse_int=str, parse_float=str, object_pairs_hook=_unique)
    try:
        return [load(text)]
    except ValueError as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else str(error)
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            if len(lines) > 1 and all(line.lstrip()[:1] in "{[" for line in lines):
                return [load(line) for line in lines]
        except ValueError:
            pass
        raise UploadError("undecodable", f"JSON: {place}") from None


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _articles(value: Json) -> Iterator[Json]:
    """Yield the objects that are an article each: the value itself, or those in its list or `@graph`."""
    many = value.get("@graph") if isinstance(value, Mapping) else value
    if isinstance(many, list) and any(isinstance(each, Mapping) for each in many):
        yield from (each for each in many if isinstance(each, Mapping))
    else:
        yield value


def mapped(document: Json, fields: Fields) -> dict[str, str]:
    """Return the text, title and language of an article, taken from the keys in `fields`; a missing one is ""."""
    texts = dict.fromkeys(_words(value) for key in fields.text for value in _values(document, key))
    facts = {"text": "\n\n".join(filter(None, map(_unmarked, texts)))}
    for name, keys in (("title", fields.title), ("language", fields.language)):
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
    return shown(printable(text)).text if "<" in text and text_type(text) == HTML else text


class _Plain(yaml.BaseLoader):
    """Builds strings, lists and dicts only, and refuses aliases: 100 lines of them can repeat a word 10^29 times."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def _front_matter(text: str) -> Json:
    """Return what front matter says; None if it is not front matter but part of the text."""
    try:
        facts: Json = yaml.load(text, _Plain) if len(text) <= MOST_FRONT else None
    except yaml.YAMLError:
        return None
    return facts if isinstance(facts, dict) else None
