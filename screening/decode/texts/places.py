"""Where the texts of a page stand: which elements are places of their own, and which attributes a browser shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

SILENT = frozenset(("script", "style"))  # their data is no text
PLACES: Mapping[str, str] = {
    **{tag: tag for tag in ("footer", "header", "nav", "aside", "figcaption", "dialog", "template", "svg", "math")},
    **dict.fromkeys(("button", "textarea", "select", "option", "optgroup", "legend", "datalist"), "form"),
    # shown where the browser can't show the element, or runs no scripts
    **dict.fromkeys(("object", "video", "audio", "canvas", "noembed", "noframes", "iframe", "noscript"), "fallback"),
    "head": "head",
}
# HTML Standard § 15.3.1 and the styles by which authors hide a text
STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:opacity|font-size)\s*:\s*0(?![\d.])", re.IGNORECASE
)
SHOWN = ("alt", "title", "placeholder", "label", "aria-label", "summary", "abbr")
META = frozenset((
    "description", "twitter:title", "twitter:description", "og:title", "og:description", "og:site_name", "keywords",
    "og:image:alt", "twitter:image:alt", "author", "article:tag", "application-name",
))  # fmt: skip


LINKS = ("src", "data", "href", "xlink:href")  # attributes that can hold a page or a script
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
OVERRIDE = re.compile(r"unicode-bidi\s*:\s*(?:bidi|isolate)-override", re.IGNORECASE)


def is_turned(tag: str, attributes: Mapping[str, str]) -> bool:
    """Return whether a browser shows an element's letters from right to left, whatever letters they are."""
    turns = tag == "bdo" or bool(OVERRIDE.search(attributes.get("style", "")))
    return turns and "rtl" in f"{attributes.get('dir', '')} {attributes.get('style', '')}".lower()


def is_hidden(tag: str, attributes: Mapping[str, str]) -> bool:
    """Return whether an element is in the page but not shown."""
    if tag == "template":
        return "shadowrootmode" not in attributes
    return "hidden" in attributes or ("style" in attributes and bool(STYLE.search(attributes["style"])))


def attributes_shown(tag: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, bool, str]]:
    """Yield the texts in an element's attributes: their place, whether they are hidden, and the text."""
    if tag == "meta":
        if (attributes.get("name") or attributes.get("property") or "").strip().lower() in META:
            yield "description", False, attributes.get("content", "")
        return
    for name in SHOWN:
        if name in attributes:
            yield "alt" if name == "alt" else "attributes", False, attributes[name]
    if tag in ("input", "button", "option", "data") and "value" in attributes:
        yield "form", attributes.get("type", "").strip().lower() in ("hidden", "checkbox", "radio"), attributes["value"]
