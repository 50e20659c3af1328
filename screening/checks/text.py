"""Quality checks for texts. Each function scores one `View` in linear time; none decides."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pycld2

from screening.checks.check import Check
from screening.content import Text

Numbers = npt.NDArray[np.int64]

# a run of letters and digits with their accents, or one character of a script without spaces
WORD = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    "|[^\\W_]+(?:['’\u0300-\u036f\u0900-\u0dff\u200c\u200d]+[^\\W_]*)*"
)
SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
NGRAM = 10  # words
# characters with which CLD2 rejects a whole text: controls, halves of surrogate pairs, noncharacters
UNFIT = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)

# markers of C4 (Raffel et al. 2020, § 2.2), including its cookie banners, and of the footers of news sites
BOILERPLATE = (
    "lorem ipsum", "javascript", "terms of use", "terms of service", "privacy policy", "privacy notice",
    "cookie policy", "use cookies", "uses cookies", "use of cookies", "accept cookies", "accept all cookies",
    "enable cookies", "all rights reserved", "©", "copyright (c)", "subscribe to our", "subscribe to the",
    "sign up for our", "sign up for the", "newsletter", "click here", "read more", "share this", "share on",
    "follow us", "log in to", "login to", "skip to content", "skip to main content", "advertisement",
    "related articles", "related stories", "related posts", "continue reading", "leave a comment",
    "leave a reply", "powered by",
)  # fmt: skip


class View:
    """A text as the checks look at it; each derived form is computed once. `languages` are ISO 639-1 codes."""

    def __init__(self, content: Text, languages: Iterable[str] = ()) -> None:
        self.text = content.text
        self.languages = frozenset(languages)

    @cached_property
    def words(self) -> tuple[Numbers, Numbers]:
        """The words in order, as numbers that ignore case (equal words have equal numbers), and the words' lengths.

        In scripts without spaces, every character is a word. Strings instead of numbers would take 100 bytes each.
        """
        known: dict[str, int] = {}
        found = (known.setdefault(word[0].lower(), len(known)) for word in WORD.finditer(self.text))
        numbers = np.fromiter(found, np.int64)
        return numbers, np.fromiter(map(len, known), np.int64, len(known))[numbers]

    @cached_property
    def shares(self) -> list[tuple[str, int]]:
        """The three languages with most of the text, and their percentages; `und` (ISO 639-2) is text in none."""
        return _shares(self.text)


def word_count(view: View) -> float:
    """Return the number of words (Gopher keeps 50 to 100,000: Rae et al. 2021, § A1.1)."""
    return float(len(view.words[0]))


def repeated_lines(view: View) -> float:
    """Return the share of characters in repeated lines or in repeated runs of 10 words, whichever is larger.

    These are Gopher's duplicate lines and duplicate 10-grams (Rae et al. 2021, Table A1: tolerances 0.20 and 0.10).
    """
    lines = [line.strip() for line in view.text.split("\n")]
    total = sum(map(len, lines))
    if not total:
        return 0.0
    return max((total - sum(map(len, set(lines)))) / total, _repeated_runs(view))


def symbol_noise(view: View) -> float:
    """Return the share of characters, not counting spaces, that are not letters, accents or digits.

    It follows Gopher's symbol-to-word ratio (Rae et al. 2021, § A1.1), but for all symbols. Prose has about 0.03,
    source code about 0.2.
    """
    counts = Counter(view.text)
    solid = {sign: count for sign, count in counts.items() if not sign.isspace()}
    total = sum(solid.values())
    wordy = sum(count for sign, count in solid.items() if unicodedata.category(sign)[0] in "LMN")
    return (total - wordy) / total if total else 1.0


def boilerplate(view: View) -> float:
    """Return the share of characters in sentences that come from the site rather than from the author.

    Such a sentence holds a marker of C4 (Raffel et al. 2020, § 2.2) or of a news footer; all are English.
    """
    text = view.text.lower()
    markers = [marker for marker in BOILERPLATE if marker in text]
    if not markers:
        return 0.0
    sentences = [sentence.strip() for sentence in SENTENCE.findall(text)]
    said = sum(len(span) for span in sentences if any(marker in span for marker in markers))
    return said / max(1, sum(map(len, sentences)))


def unknown_language(view: View) -> float:
    """Return the share of the text that is in none of the policy's languages; 0 if the policy names none.

    Compact Language Detector 2 (Sites 2013, https://github.com/CLD2Owners/cld2) finds the three languages with most of
    the text, by naive Bayes over four-letter pieces. It is reliable from about 20 words on. A text without letters
    scores 1.
    """
    if not view.languages:
        return 0.0
    known = sum(percent for code, percent in view.shares if code in view.languages)
    return 1.0 - min(100, known) / 100


def language(view: View) -> str:
    """Return the language that most of the text is in."""
    return view.shares[0][0]


def text_facts(text: str) -> tuple[str, int]:
    """Return the language that most of a text is in, and the number of its words."""
    return _shares(text)[0][0], sum(1 for _ in WORD.finditer(text))


@cache
def known_languages() -> frozenset[str]:
    """Return the ISO 639-1 codes that a policy may name."""
    codes = dict(pycld2.LANGUAGES)
    named = (iso(codes[name]) for name in pycld2.DETECTED_LANGUAGES if name in codes)
    return frozenset(code for code in named if len(code) == 2)


TEXT_CHECKS = (
    Check("too_short", 1, "text", "words", "low", word_count),
    Check("too_long", 1, "text", "words", "high", word_count),
    Check("repeated_lines", 1, "text", "share", "high", repeated_lines),
    Check("symbol_noise", 1, "text", "share", "high", symbol_noise),
    Check("boilerplate", 1, "text", "share", "high", boilerplate),
    Check("unknown_language", 2, "text", "share", "high", unknown_language, language),
)


def _shares(text: str) -> list[tuple[str, int]]:
    _, _, found = pycld2.detect(UNFIT.sub(" ", text), bestEffort=True)
    return [(iso(code), percent) for _, code, percent, _ in found]


def _repeated_runs(view: View) -> float:
    """Return the share of characters in runs of 10 words that occurred before.

    Runs are numbered by doubling (1, 2, 4, 8, 10 words), since a set of runs would take 400 bytes per word.
    """
    one, lengths = view.words
    if len(one) <= NGRAM:
        return 0.0
    two = _joined(one, one, 1)
    four = _joined(two, two, 2)
    runs = _joined(_joined(four, four, 4), two, 8)
    again = np.ones(len(runs), bool)
    again[np.unique(runs, return_index=True)[1]] = False
    said = np.zeros(len(one), bool)
    for shift in range(NGRAM):
        said[shift : shift + len(runs)] |= again
    return float(lengths[said].sum() / lengths.sum())


def _joined(first: Numbers, second: Numbers, shift: int) -> Numbers:
    """Number the runs that begin with `first` and go on, `shift` words later, with `second`."""
    size = len(second) - shift
    return np.unique(first[:size] * (second.max() + 1) + second[shift:], return_inverse=True)[1]


def iso(code: str) -> str:
    """Return the ISO code for one of CLD2, which has its own codes for some languages and tells scripts apart."""
    return {"iw": "he", "jw": "jv", "no": "nb", "zh-Hant": "zh", "un": "und"}.get(code, code)
