"""What an upload costs is bounded by counts, and what can be read in linear time is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html

from screening.decode import Limits, decode
from screening.decode.texts.places import SILENT
from screening.decode.texts.shown import shown
from screening.errors import UploadError
from tests.fuzz.bombs import BOMBS
from tests.pace import times
from tests.screening.decode.texts.heavy import MARKDOWN, PAGES, Clock, page

QUICK = ("12,000 attributes", "20,000 rows")
SECONDS = 12.0  # each of these took up to 100, and takes 1 to 4 on a core of its own, twice that on a shared one


@pytest.mark.parametrize(
    "name", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in PAGES]
)
def test_heavy_pages_are_read_to_their_last_word_in_time(name):
    data, clock = PAGES[name]().encode(), Clock()
    article = decode(data).main
    assert clock.seconds < SECONDS
    assert article.text.endswith("last")
    assert article.title == "Heavy title"


@pytest.mark.parametrize("name", MARKDOWN)
def test_markdown_of_too_many_marks_is_refused_before_it_is_rendered(name):
    data, clock = MARKDOWN[name]().encode(), Clock()
    with pytest.raises(UploadError, match=r"too_complex: \d+ lines, marks and cells of Markdown, limit 100000"):
        decode(data)
    assert clock.seconds < SECONDS / 10


def test_the_limit_on_marks_is_the_policys_and_exact():
    data = b"# T\n\n**a** b"  # #, two lines and four stars
    assert decode(data, Limits(max_marks=7)).main.text == "T\n\na b"
    with pytest.raises(UploadError, match="too_complex: 7 "):
        decode(data, Limits(max_marks=6))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Markdown with a bomb of front matter", "x1: &x1 [*x0, *x0]"),
        ("Markdown with long front matter", "a, a, a,"),
        ("Markdown with a heading of blanks", "a b"),
    ],
)
def test_front_matter_and_headings_are_read_in_time(name, kept):
    """What is no front matter is text, and read."""
    data, clock = BOMBS[name](), Clock()
    assert kept in " ".join(decode(data).main.text.split())
    assert clock.seconds < 2


@pytest.mark.slow
def test_a_book_in_markdown_is_no_heavy_upload():
    chapter = "## A chapter\n\n" + ("He said *that* and went on, and on; it was late.\n" * 12 + "\n") * 10
    assert decode((chapter * 250).encode()).main.text.count("A chapter") == 250


def test_a_heavy_page_is_read_as_it_is_shown_where_words_are_split_by_tags():
    """Else whoever wants to hide a word would only have to make the page heavy."""
    assert "hateful" in decode(page("<p>" + "<b>x</b> " * 20_000 + "h<i>ate</i>f<b></b>ul</p>").encode()).main.text


def held_by_a_tree(markup: str) -> str:
    """The letters in lxml's tree of the page, whose cost is the square of some counts; not scripts."""
    tree = lxml_html.document_fromstring(markup.encode(), lxml_html.HTMLParser(encoding="utf-8"), ensure_head_body=True)
    etree.strip_elements(tree, etree.Comment, etree.ProcessingInstruction, *SILENT, with_tail=False)
    for title in tree.xpath("/html/head/title"):
        title.text = ""
    return "".join("".join(tree.itertext()).split())


TAGS = [
    "html", "head", "body", "title", "p", "div", "b", "i", "br", "li", "ul", "tr", "td", "table", "script", "style",
    "svg", "template", "textarea", "select", "option", "h1", "font", "a", "form", "frameset", "noscript", "iframe",
    "pre", "xmp", "plaintext", "caption", "tbody", "input", "img", "hr", "x-y",
]  # fmt: skip
PIECES = [
    *(f"<{tag}>" for tag in TAGS),
    *(f"</{tag}>" for tag in TAGS if tag != "html"),  # a browser shows what comes after it, a tree forgets it
    *("<b a=b>", "<p/>", "word", "x ", "\n", " ", "&amp;", "&#65;", "<!--c-->", "<?pi?>", "<", "</"),
    *("<!doctype html>", "é", "&lt;b>", '<i a="', "'>", "--"),
]


@settings(max_examples=times(400, 80))
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=16))
def test_every_letter_in_the_page_s_tree_is_found(pieces):
    markup = "".join(["word", *pieces])
    assert "".join("".join(text for _, text in shown(markup).flow).split()) == held_by_a_tree(markup)


def test_visible_text_counts_what_makes_a_page_heavy():
    seen = shown("<html><head><title> T </title></head><body><p a=1 b=2>x<b>y</b></p></body></html>")
    assert (seen.text, seen.title, seen.elements, seen.attributes) == ("xy", "T", 6, 2)
    assert shown("<p>" + "x" * 1000 + "<b></b>" * 10).joins > 10_000
    assert shown("<p>" + "x" * 1000 + "</p><p>x</p>" * 10).joins < 1000
    assert shown("<div>" + "x" * 1000 + "<div></div>" * 10).joins > 10_000


def test_what_stands_after_the_end_of_a_page_is_shown_too():
    assert shown("<html><body>One</body></html> two").text == "One two"


def test_a_form_feed_in_a_page_is_no_fault():
    assert decode(b"<html><body><p>One\x0c two</p></body></html>").main.text == "One two"
