"""HTML and Markdown to the words that a reader would read; for the decoder's child, being slow and fragile."""

from __future__ import annotations

import re
from collections import Counter

import trafilatura
import yaml
from lxml import etree
from lxml import html as lxml_html
from markdown_it import MarkdownIt
from trafilatura.settings import Document

from screening.decode.article import check_length, make_article, mapped
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import HTML, MARKDOWN, Sniffed
from screening.decode.visible import visible
from screening.errors import UploadError
from screening.records import Article

PARAGRAPH = 40  # characters; what is shorter and stands twice is a headline or a menu
MARKS = re.compile(r"[\n*_`~\[\]<>&\\|#+=-]")  # what Markdown's rules look at; each may cost 50 µs
FRONT_MATTER = re.compile(r"\A---\n((?:[^\n]*\n){1,100}?)---[ \t]*(?:\n|\Z)")
HEADING = re.compile(r"^#[ \t]+([^ \t\n].*)$", re.MULTILINE)
MOST_FRONT = 10_000  # characters of front matter; YAML is read at some 20 µs each
# Beyond these a page gives its whole visible text, since trafilatura's work grows with their squares. Ordinary pages
# have under 3,000 elements, 40 attributes and a million joins.
MOST_ELEMENTS = 10_000
MOST_ATTRIBUTES = 256  # of one element
MOST_JOINS = 200_000_000
MOST_METADATA = 20_000  # characters of JSON-LD
# found by the calendar of the day otherwise, and the same bytes would not give the same article for ever
DATES = {"extensive_search": False, "original_date": True, "max_date": "2100-01-01"}


def html(sniffed: Sniffed, limits: Limits, _: Fields) -> Article:
    """The main text of a page with its title, byline and date; UploadError no_text, too_large, too_deep."""
    check_length(sniffed.text, limits)
    return make_article(HTML, limits, main_text(sniffed.text))


def markdown(sniffed: Sniffed, limits: Limits, fields: Fields) -> Article:
    """Markdown (CommonMark and tables) as its rendered text, raw HTML in it too, with YAML front matter.

    UploadError no_text, too_large, too_deep, too_complex.
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
    # the preset stops at 20 levels and silently drops what lies deeper; unread text must never pass
    renderer = MarkdownIt("commonmark", {"maxNesting": 1 << 20}).enable("table")
    rendered = visible(renderer.render(text)).text
    return make_article(
        MARKDOWN, limits, {"title": heading[1].rstrip(" \t#") if heading else "", **facts, "text": rendered}
    )


def _marks(text: str) -> int:
    """What there is to do for Markdown's rules: lines, marks, and the cells of tables, whose rows are filled up."""
    marks = sum(1 for _ in MARKS.finditer(text))
    for block in text.split("\n\n") if "|" in text else ():
        lines = block.split("\n")
        marks += len(lines) * max(line.count("|") for line in lines)
    return marks


def main_text(markup: str) -> dict[str, str]:
    """The main text of a page by trafilatura, comments after it, with title, byline, date and language.

    A page in which it finds none, or that would cost it too much, gives its title and whole visible text.
    UploadError too_deep.
    """
    page = visible(markup)
    whole = {"text": page.text, "title": page.title}
    if page.elements > MOST_ELEMENTS or page.attributes > MOST_ATTRIBUTES or page.joins > MOST_JOINS:
        return whole
    tree = _parse(markup)
    _cut_metadata(tree)
    found = trafilatura.bare_extraction(
        tree, with_metadata=True, include_comments=True, date_extraction_params=DATES, max_tree_size=None
    )
    if not isinstance(found, Document) or not (found.text or found.comments):
        return whole
    text = "\n\n".join(part for part in (found.text, found.comments) if part)
    text += _repeats(text, page.text)
    facts = {"title": found.title, "byline": found.author, "date": found.date, "language": tree.get("lang")}
    return {"text": text, **{name: value or "" for name, value in facts.items()}}


def _repeats(text: str, visible: str) -> str:
    """The paragraphs of `text` that a page shows more often than trafilatura lets through, as often as it does."""
    shown = Counter(line for line in visible.split("\n") if len(line) >= PARAGRAPH)
    kept = Counter(text.split("\n"))
    missing = [line for line, times in kept.items() for _ in range(shown[line] - times)]
    return "".join(f"\n{line}" for line in missing)


def _cut_metadata(tree: lxml_html.HtmlElement) -> None:
    """Drop the JSON-LD that is beyond `MOST_METADATA`: trafilatura searches it for authors in quadratic time."""
    left = MOST_METADATA
    for script in tree.iter("script"):
        if "json" in script.get("type", ""):
            left -= len(script.text or "")
            if left < 0:
                script.text = None


def _parse(markup: str) -> lxml_html.HtmlElement:
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_pis=True)
    try:
        return lxml_html.document_fromstring(markup.encode(), parser=parser, ensure_head_body=True)
    except etree.ParserError:  # nothing in it, not even an element
        return lxml_html.document_fromstring("<p>", ensure_head_body=True)


class _Plain(yaml.BaseLoader):
    """Builds strings, lists and dicts only, and follows no alias: in 100 lines they can say a word 10^29 times."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def _front_matter(text: str, fields: Fields) -> dict[str, str]:
    """The facts in front matter; none where it is no such thing, and so a part of the text."""
    try:
        facts = yaml.load(text, _Plain) if len(text) <= MOST_FRONT else None
    except yaml.YAMLError:
        return {}
    found = mapped(facts, fields) if isinstance(facts, dict) else {}
    return {name: value for name, value in found.items() if value and name != "text"}
