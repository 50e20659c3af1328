"""HTML to the words that a reader would read; for the decoder's child, being slow and fragile."""

from __future__ import annotations

from collections import Counter

import trafilatura
from lxml import etree
from lxml import html as lxml_html
from trafilatura.settings import Document

from screening.decode.article import check_length, make_article
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import HTML, Sniffed
from screening.decode.visible import visible
from screening.records import Article

PARAGRAPH = 40  # characters; what is shorter and stands twice is a headline or a menu
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
