"""Decode HTML into all that a person would read; this is slow and fragile, so it runs in the decoder's child."""

from __future__ import annotations

from collections import Counter

import trafilatura
from lxml import etree
from lxml import html as lxml_html
from trafilatura.settings import Document as Extracted

from screening.content import Document
from screening.content.kinds import HTML
from screening.decode.assembly import check_length
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed
from screening.decode.texts.embedded import lift
from screening.decode.texts.reader import Reader
from screening.decode.texts.shown import Shown, shown

PARAGRAPH = 40  # characters; a shorter line that appears twice is a headline or a menu
# Beyond any of these, a page gives its whole visible text, since trafilatura's work grows with their squares. Ordinary
# pages have fewer than 3,000 elements, 40 attributes and a million joins.
MOST_ELEMENTS = 10_000
MOST_ATTRIBUTES = 256  # of one element
MOST_JOINS = 200_000_000
MOST_METADATA = 20_000  # characters of JSON-LD
# With the defaults, dates depend on the day of the run, and the same bytes would not always give the same article.
DATES = {"extensive_search": False, "original_date": True, "max_date": "2100-01-01"}


def html(sniffed: Sniffed, limits: Limits, _: Fields) -> Document:
    """Return a page: its main text, its title, the rest that it shows, what it hides, and the pictures in it.

    Raises UploadError with `no_text`, `too_large` or `too_deep`.
    """
    markup, files = lift(sniffed.text)
    check_length(len(markup), limits)
    page = shown(markup)
    text, title = main_text(page, markup)
    reader = Reader(HTML, limits)
    reader.main(text, title)
    reader.made.text("page title", "title", page.title)
    reader.rest(page)
    reader.files(files)
    return reader.made.document(page.language)


def main_text(page: Shown, markup: str) -> tuple[str, str]:
    """Return what trafilatura finds of a page: the main text, with the comments after it, and the title.

    If it finds no text, or the page would cost it too much, return all that the page shows, and the title.
    """
    whole = page.text, page.title
    if page.elements > MOST_ELEMENTS or page.attributes > MOST_ATTRIBUTES or page.joins > MOST_JOINS:
        return whole
    tree = _parse(markup)
    _cut_metadata(tree)
    found = trafilatura.bare_extraction(
        tree, with_metadata=True, include_comments=True, date_extraction_params=DATES, max_tree_size=None
    )
    if not isinstance(found, Extracted) or not (found.text or found.comments):
        return whole
    text = "\n\n".join(part for part in (found.text, found.comments) if part)
    return text + _repeats(text, page.text), found.title or ""


def _repeats(text: str, visible: str) -> str:
    """Return the repeated paragraphs that trafilatura left out of `text`, each as often as it is missing."""
    shown = Counter(line for line in visible.split("\n") if len(line) >= PARAGRAPH)
    kept = Counter(text.split("\n"))
    missing = [line for line, times in kept.items() for _ in range(shown[line] - times)]
    return "".join(f"\n{line}" for line in missing)


def _cut_metadata(tree: lxml_html.HtmlElement) -> None:
    """Drop JSON-LD beyond `MOST_METADATA`, since trafilatura searches it for authors in quadratic time."""
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
    except etree.ParserError:  # the page is empty, without even an element
        return lxml_html.document_fromstring("<p>", ensure_head_body=True)
