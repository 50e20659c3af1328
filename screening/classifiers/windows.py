"""Texts to windows of tokens, each with the span of characters it covers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from screening.classifiers.manifest import Windowing
from screening.errors import ConfigError
from screening.records import Article, Evidence


@dataclass(frozen=True, slots=True)
class Window:
    """A window of one text: token ids (special ones included) and its characters `start` to `end`."""

    text: int
    number: int
    ids: list[int]
    type_ids: list[int]
    start: int
    end: int


def load_tokenizer(path: Path, windowing: Windowing) -> Tokenizer:
    """The tokenizer, set to cut texts into overlapping windows and to pad nothing; ConfigError if it can't."""
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        tokenizer.enable_truncation(windowing.max_tokens, stride=windowing.overlap)
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(f"not a tokenizer: {error}", file=str(path), fix="publish the bundle again") from None
    tokenizer.no_padding()
    return tokenizer


def windows(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[Window]:
    """All windows of all texts, in order; every character that gave a token lies in at least one."""
    for text, first in enumerate(tokenizer.encode_batch(list(texts))):
        for number, encoding in enumerate((first, *first.overflowing)):
            start, end = _span(encoding)
            yield Window(text, number, encoding.ids, encoding.type_ids, start, end)


def _span(encoding: Encoding) -> tuple[int, int]:
    offsets = encoding.offsets
    special = encoding.special_tokens_mask
    first = next((i for i, is_special in enumerate(special) if not is_special), None)
    if first is None:
        return 0, 0
    last = next(i for i in range(len(special) - 1, -1, -1) if not special[i])
    return offsets[first][0], offsets[last][1]


def scored_text(article: Article) -> tuple[str, int]:
    """What a classifier reads of an article, and where the article's own text begins in it.

    The title comes first, as a reader sees it, unless the text begins with it.
    """
    if not article.title or article.text.lstrip().startswith(article.title):
        return article.text, 0
    return f"{article.title}\n\n{article.text}", len(article.title) + 2


def evidence(window: Window, begins: int) -> Evidence:
    """A window as evidence, in characters of the article's own text."""
    return Evidence(
        window=window.number,
        start=max(0, window.start - begins),
        end=max(0, window.end - begins),
        note="title included" if window.start < begins else "",
    )
