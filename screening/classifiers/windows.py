"""Cut texts into windows of tokens, each with the span of characters that it covers, and its sentences if asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from tokenizers import Encoding, Tokenizer

from screening.classifiers.manifest import Windowing
from screening.classifiers.sentences.split import ends
from screening.classifiers.sentences.units import Unit, cut, runs, settled
from screening.content import Text
from screening.errors import ConfigError
from screening.records import Evidence

PIECE = 32_768  # characters tokenised at once, since tokenising takes 500 bytes of memory per character
SHARED = 256  # characters that two pieces share, so that one of them holds whatever lies across their border
GROUP = 8 * PIECE  # characters handed to the tokenizer's threads together


@dataclass(frozen=True, slots=True)
class Span:
    """The place of a window: the index of its text, its number there, its characters `start` to `end`, its tokens."""

    text: int
    number: int
    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Window:
    """The tokens a model is fed (special ones included), where they come from, and if asked for its sentences.

    A sentence of which another window of the text holds as much or more is left to that one, so a window may have none.
    """

    span: Span
    ids: list[int]
    type_ids: list[int]
    units: tuple[Unit, ...] = ()

    def spans(self) -> list[Span]:
        """Return the places of its sentences."""
        own = self.span
        return [Span(own.text, own.number, unit.start, unit.end, unit.last - unit.first) for unit in self.units]


def load_tokenizer(raw: bytes, windowing: Windowing, file: str) -> Tokenizer:
    """Return the tokenizer, set to cut texts into overlapping windows and to pad nothing.

    What looks like a special token in a text stays text, since an author must not be able to end a window. Raises
    ConfigError if the tokenizer can't be read or can't cut.
    """
    try:
        tokenizer = Tokenizer.from_str(raw.decode())
        tokenizer.enable_truncation(windowing.max_tokens, stride=windowing.overlap)
    except Exception as error:  # the library's errors share no narrower base class
        raise ConfigError(f"no usable tokenizer: {error}", file=file, fix="publish the bundle again") from None
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def windows(
    tokenizer: Tokenizer, texts: Sequence[str], most: int = sys.maxsize, sentences: bool = False
) -> Iterator[Window]:
    """Yield all windows of all texts, in order and lazily; each text has at least one.

    Every character that gave a token is in a window, and with `sentences` in one of the window's units. A text of more
    than `PIECE` characters is first cut into pieces, which depend on that text only, so its windows are the same
    whatever texts come with it. A text of more than `most` windows ends with the one too many, whose number is `most`.
    """
    found = _windows(tokenizer, texts, most)
    return _with_units(found, texts) if sentences else (window for window, _, _ in found)


def _windows(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> Iterator[tuple[Window, Encoding, int]]:
    """Yield each window with its encoding and the character from which that counts."""
    text, number = -1, 0
    for pieces in _groups(texts):
        group = [piece for piece in pieces if piece[0] != text or number <= most]
        encodings = tokenizer.encode_batch([texts[index][start:end] for index, start, end in group])
        for (index, begins, _), first in zip(group, encodings, strict=True):
            if index != text:
                text, number = index, 0
            for encoding in (first, *first.overflowing):
                if number > most:
                    break
                span = _span(encoding)
                if span is None and number > 0:
                    continue  # the piece is blank
                start, end = span or (0, 0)
                place = Span(text, number, begins + start, begins + end, len(encoding))
                yield Window(place, encoding.ids, encoding.type_ids), encoding, begins
                number += 1


def _with_units(found: Iterator[tuple[Window, Encoding, int]], texts: Sequence[str]) -> Iterator[Window]:
    """Yield the windows with their units; each is held back until it is known what the next one repeats."""
    held: _Held | None = None
    for window, encoding, begins in found:
        if held is None or held.window.span.text != window.span.text:
            stops = np.array(ends(texts[window.span.text]))
        now = _Held(window, *_content(encoding), begins)
        now.units = runs(now.offsets, now.first, begins, stops)
        if held:
            if held.window.span.text == window.span.text:
                held.units, now.units = settled(held.units, now.units)
            yield held.closed()
        held = now
    if held:
        yield held.closed()


@dataclass(slots=True)
class _Held:
    """A window whose units are not final yet: the places of its tokens from number `first` on, without special ones."""

    window: Window
    offsets: list[tuple[int, int]]
    first: int
    begins: int
    units: list[Unit] = field(default_factory=list)

    def closed(self) -> Window:
        """Return the window with its units; one without any text has one of all its tokens."""
        units = tuple(cut(self.units, self.offsets, self.first, self.begins))
        return replace(self.window, units=units if self.offsets else (Unit(0, 0, 0, 0, len(self.window.ids)),))


def _content(encoding: Encoding) -> tuple[list[tuple[int, int]], int]:
    """Return the characters of each token that is not special, and the number of the first one."""
    special = encoding.special_tokens_mask
    if 0 not in special:
        return [], 0
    first = special.index(0)
    return encoding.offsets[first : len(special) - special[::-1].index(0)], first


def _groups(texts: Sequence[str]) -> Iterator[list[tuple[int, int, int]]]:
    """Yield the pieces (text, start, end) in groups of at most `GROUP` characters."""
    group: list[tuple[int, int, int]] = []
    size = 0
    for index, text in enumerate(texts):
        for start, end in _pieces(text):
            if group and size + end - start > GROUP:
                yield group
                group, size = [], 0
            group.append((index, start, end))
            size += end - start + 64  # even an empty text costs something
    if group:
        yield group


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a text, of at most `PIECE` characters, cut at a blank if their second half has one."""
    start = 0
    while len(text) - start > PIECE:
        end = max(text.rfind(blank, start + PIECE // 2, start + PIECE) for blank in " \n")
        end = start + PIECE if end < 0 else end
        yield start, end
        again = max(text.rfind(blank, end - SHARED, end) for blank in " \n")
        start = end - SHARED if again < 0 else again
    yield start, len(text)


def _span(encoding: Encoding) -> tuple[int, int] | None:
    """Return the start and end, in characters, of the tokens that are not special; None if there are none."""
    special = encoding.special_tokens_mask
    if 0 not in special:
        return None
    first, last = special.index(0), len(special) - 1 - special[::-1].index(0)
    begins, ends = encoding.token_to_chars(first), encoding.token_to_chars(last)  # listing all takes ten times as long
    assert begins  # only special tokens have none
    assert ends
    return begins[0], ends[1]


def scored_text(content: Text) -> tuple[str, int]:
    """Return what a classifier reads of a text and its title, and where the text itself begins in it.

    The title comes first, as a reader sees it, unless the text already begins with the title.
    """
    title = content.title.strip()
    if not title or content.text.lstrip().startswith(title):
        return content.text, 0
    return f"{title}\n\n{content.text}", len(title) + 2


def evidence(span: Span, begins: int) -> Evidence:
    """Return a window as evidence, in characters of the text itself; a window in the title has no span."""
    if begins and span.end <= begins:
        return Evidence(window=span.number, note="title")
    note = "title included" if span.start < begins else ""
    return Evidence(span.number, max(0, span.start - begins), span.end - begins, note)
