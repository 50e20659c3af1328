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
from screening.errors import UploadError
from screening.records import Article

HIDDEN = ("head", "script", "style", "template", "svg", "math", "iframe", "object", "noembed", "noframes")
BLOCKS = (
    "address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre",
    "section", "table", "ul",
)  # fmt: skip
LINES = ("br", "li", "tr", "option")
PARAGRAPH = 40  # characters; what is shorter and stands twice is a headline or a menu
FRONT_MATTER = re.compile(r"\A---\n((?:[^\n]*\n){1,100}?)---[ \t]*(?:\n|\Z)")
HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
BLANK = re.compile(r"\n[ \n]*\n")
SPACES = re.compile(r"[^\S\n]+")
# found by the calendar of the day otherwise, and the same bytes would not give the same article for ever
DATES = {"extensive_search": False, "original_date": True, "max_date": "2100-01-01"}


def html(sniffed: Sniffed, limits: Limits, _: Fields) -> Article:
    """The main text of a page with its title, byline and date; UploadError no_text, too_large, too_deep."""
    check_length(sniffed.text, limits)
    return make_article(HTML, limits, main_text(sniffed.text))


def markdown(sniffed: Sniffed, limits: Limits, fields: Fields) -> Article:
    """Markdown (CommonMark and tables) as its rendered text, raw HTML in it too, with YAML front matter.

    UploadError no_text, too_large, too_deep.
    """
    text = sniffed.text
    check_length(text, limits)
    facts: dict[str, str] = {}
    if front := FRONT_MATTER.match(text):
        facts = _front_matter(front[1], fields)
        text = text[front.end() :] if facts else text
    heading = HEADING.search(text)
    # the preset stops at 20 levels and silently drops what lies deeper; unread text must never pass
    renderer = MarkdownIt("commonmark", {"maxNesting": 1 << 20}).enable("table")
    rendered = visible_text(renderer.render(text))
    return make_article(MARKDOWN, limits, {"title": heading[1] if heading else "", **facts, "text": rendered})


def main_text(markup: str) -> dict[str, str]:
    """The main text of a page by trafilatura, comments after it, with title, byline, date and language.

    A page in which it finds none gives its whole visible text. UploadError too_deep.
    """
    tree = _parse(markup)
    found = trafilatura.bare_extraction(
        tree, with_metadata=True, include_comments=True, date_extraction_params=DATES, max_tree_size=None
    )
    if not isinstance(found, Document) or not (found.text or found.comments):
        return {"text": visible_text(markup)}
    text = "\n\n".join(part for part in (found.text, found.comments) if part)
    text += _repeats(text, visible_text(markup))
    facts = {"title": found.title, "byline": found.author, "date": found.date, "language": tree.get("lang")}
    return {"text": text, **{name: value or "" for name, value in facts.items()}}


def _repeats(text: str, visible: str) -> str:
    """The paragraphs of `text` that a page shows more often than trafilatura lets through, as often as it does."""
    shown = Counter(line for line in visible.split("\n") if len(line) >= PARAGRAPH)
    kept = Counter(text.split("\n"))
    missing = [line for line, times in kept.items() for _ in range(shown[line] - times)]
    return "".join(f"\n{line}" for line in missing)


def visible_text(markup: str) -> str:
    """All text that a browser would show, blocks apart; UploadError too_deep."""
    tree = _parse(markup)
    etree.strip_elements(tree, etree.Comment, etree.ProcessingInstruction, *HIDDEN, with_tail=False)
    for tags, gap in ((BLOCKS, "\n\n"), (LINES, "\n")):
        for element in tree.iter(*tags):
            element.text = gap + (element.text or "")
            element.tail = gap + (element.tail or "")
    lines = (SPACES.sub(" ", line).strip() for line in "".join(tree.itertext()).split("\n"))
    return BLANK.sub("\n\n", "\n".join(lines)).strip()


def _parse(markup: str) -> lxml_html.HtmlElement:
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_pis=True)
    try:
        tree = lxml_html.document_fromstring(markup.encode(), parser=parser, ensure_head_body=True)
    except etree.ParserError:  # nothing in it, not even an element
        return lxml_html.document_fromstring("<p>", ensure_head_body=True)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" or "Excessive" in entry.message for entry in parser.error_log):
        # libxml2 stops at 256 levels and drops all the rest in silence
        raise UploadError("too_deep", "HTML deeper than 256 levels")
    return tree


def _front_matter(text: str, fields: Fields) -> dict[str, str]:
    try:
        facts = yaml.load(text, yaml.BaseLoader)  # builds strings, lists and dicts only
    except yaml.YAMLError:
        return {}
    found = mapped(facts, fields) if isinstance(facts, dict) else {}
    return {name: value for name, value in found.items() if value and name != "text"}
