"""HTML to text; imported only where it is used, in the decoder's child, for it takes long and may crash."""

from __future__ import annotations

import re

import trafilatura
from lxml import etree
from lxml import html as lxml_html
from trafilatura.settings import Document

from screening.errors import UploadError

HIDDEN = ("head", "script", "style", "template", "svg", "math", "iframe", "object", "noembed", "noframes")
BLOCKS = (
    "address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre",
    "section", "table", "ul",
)  # fmt: skip
LINES = ("br", "li", "tr", "option")
BLANK = re.compile(r"\n[ \n]*\n")
SPACES = re.compile(r"[^\S\n]+")
# found by the calendar of the day otherwise, and the same bytes would not give the same article for ever
DATES = {"extensive_search": False, "original_date": True, "max_date": "2100-01-01"}


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
    facts = {"title": found.title, "byline": found.author, "date": found.date, "language": tree.get("lang")}
    return {"text": text, **{name: value or "" for name, value in facts.items()}}


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
    tree = lxml_html.document_fromstring(markup.encode(), parser=parser, ensure_head_body=True)
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" or "Excessive" in entry.message for entry in parser.error_log):
        # libxml2 stops at 256 levels and drops all the rest in silence
        raise UploadError("too_deep", "HTML deeper than 256 levels")
    return tree
