"""Uploads that once cost far more than they weigh, by name, and the seconds of a processor that they are given now."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def page(body: str) -> str:
    return f"<html><head><title>Heavy title</title></head><body><article>{body}</article></body></html>"


WORDS = "The bridge opens in May, and the town is glad of it. "

# every one is read whole
PAGES: Mapping[str, Callable[[], str]] = {
    "12,000 attributes": lambda: page(f"<p {' '.join(f'a{i}=x' for i in range(12_000))}>{WORDS}last</p>"),
    "50,000 attributes": lambda: page(f"<p {' '.join(f'a{i}=x' for i in range(50_000))}>{WORDS}last</p>"),
    "250 attributes in each of 1,000 tags": lambda: page(
        f"<p {' '.join(f'a{i}=x' for i in range(250))}>x</p>" * 1000 + "last"
    ),
    "line breaks": lambda: page("<br>x" * 200_000 + "last"),
    "60,000 inline tags": lambda: page(f"<p>{''.join(f'<b>w{i}</b> ' for i in range(60_000))}last</p>"),
    "9,000 inline tags in one paragraph": lambda: page(f"<p>{'<b>w</b> ' * 9000}last</p>"),
    "20,000 rows": lambda: page(
        f"<table>{''.join(f'<tr><td>{i}</td><td>Item {i}</td></tr>' for i in range(20_000))}</table>last"
    ),
    "30,000 links": lambda: page("".join(f'<a href="/{i}">Page {i}</a> ' for i in range(30_000)) + "last"),
    "empty blocks in a long text": lambda: page(("<div></div>" + WORDS) * 9000 + "last"),
    "empty blocks in one another": lambda: page(("<div><div></div></div>" + WORDS) * 4900 + "last"),
    "JSON-LD that begins and begins": lambda: page(
        '<script type="application/ld+json">{"a": ' + '"author":' * 150_000 + f"</script><p>{WORDS * 20}last</p>"
    ),
    "end tags that end nothing": lambda: page("<div>" * 200 + "</b>" * 300_000 + "last"),
}

# too much for what Markdown's rules cost, and no linear way to what is shown
MARKDOWN: Mapping[str, Callable[[], str]] = {
    "delimiters": lambda: "# T\n\n" + "_a__b*" * 200_000,
    "list items": lambda: "# T\n\n" + "- a\n" * 400_000,
    "cells that are filled up": lambda: "# T\n\n" + (f"{'|a' * 300}|\n{'|-' * 300}|\n" + "|c\n" * 220 + "\n") * 50,
}


# texts as long as the default limit lets through, in shapes that expressions and tables dislike
LONG = 2_000_000
TEXTS: Mapping[str, Callable[[], str]] = {
    "one-letter words": lambda: "a b c d e f g h " * (LONG // 16),
    "words that never come again": lambda: " ".join(map(str, range(LONG // 8))),
    "one word": lambda: "a" * LONG,
    "no blanks": lambda: "abcdefghij" * (LONG // 10),
    "ideographs": lambda: "".join(chr(0x4E00 + i * 7919 % 20_000) for i in range(LONG // 2)),
    "newlines": lambda: "x" + "\n" * (LONG - 2) + "y",
    "combining marks": lambda: "a" + "\u0301" * (LONG - 1),
    "apostrophes": lambda: "a" + "'" * (LONG - 2) + "!",
    "dots": lambda: "." * (LONG - 1) + "x",
    "brackets": lambda: "(" * LONG,
    "the same line": lambda: "the same line again\n" * (LONG // 20),
    "boilerplate": lambda: "privacy policy " + "x." * (LONG // 2 - 10),
}


class Clock:
    """Seconds that this process's processors have spent since it was made: the same however busy the machine is."""

    def __init__(self) -> None:
        self._start = time.process_time()

    @property
    def seconds(self) -> float:
        return time.process_time() - self._start
