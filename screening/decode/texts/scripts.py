"""Find the sentences that stand as strings in a script, in JSON or in the values that scripts read.

What a script computes is not known here: only that a text which stands in it may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

LEAST, SHORTEST = 5, 9  # words, characters
MOST_DEEP = 2  # scripts within strings
# Comments are matched so that an apostrophe in one begins no string. A string in JSON is one in JavaScript too.
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"((?:[^"\\\n]|\\.)*+)"|'((?:[^'\\\n]|\\.)*+)'|`((?:[^`\\]|\\.)*+)`""", re.DOTALL
)
JOINT = re.compile(r"\s*\+\s*")  # between strings that a script puts together
ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
LETTERS = {"n": "\n", "r": "\n", "t": " ", "\n": "", "b": "", "f": " ", "v": " ", "0": ""}
VALUE = re.compile(r"\$\{[^{}`]{0,200}\}")  # in a template
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
INLINE = re.compile(r"</?(?:a|abbr|b|em|font|i|mark|s|small|span|strong|sub|sup|u)\b[^<>]{0,500}>", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,2000}>")
QUOTES = re.compile(r"([\"'`]).*\1|%2[27]", re.DOTALL)
WORD = re.compile(r"[\"'(“‘«¿¡]{0,2}[^\W\d_]+(?:[’'/-][^\W\d_]+){0,2}[.,;:!?…)\"'”’»]{0,3}")
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")  # scripts without blanks
CODE = re.compile(r"[{}=<>;$\\|_^~\[\]]|\w\(|\w\.\w|://")
PROSE = 0.8  # of what stands between blanks must be words
NAMES = 0.3  # of words; more with a hyphen, and it is a list of classes


def script_texts(code: str, deep: int = 0) -> list[str]:
    """Return the sentences in the strings of a script or of JSON, also in the strings of a script in a string."""
    texts = []
    for text in _strings(code):
        if len(text) < SHORTEST:
            continue
        lines = list(prose(_unmarked(text)))
        if not lines and deep < MOST_DEEP and "<" not in text and QUOTES.search(text):
            lines = script_texts(unquote(text), deep + 1)
        texts += lines
    return texts


def prose(text: str) -> Iterator[str]:
    """Yield the lines of a text that are written for people, as far as their form tells."""
    for line in text.split("\n"):
        pieces = line.split()
        if len(UNSPACED.findall(line)) >= 2 * LEAST:
            yield line.strip()
        elif len(pieces) >= LEAST and len(CODE.findall(line)) <= len(pieces) // 10:
            words = [piece for piece in pieces if WORD.fullmatch(piece)]
            joined = sum("-" in word for word in words)
            if len(words) >= max(LEAST, PROSE * len(pieces)) and joined <= NAMES * len(words):
                yield line.strip()


def _strings(code: str) -> Iterator[str]:
    """Yield the strings, and in one what the script adds up; also what stands between them.

    For all that is known here, the latter may be the strings, since a quote in a regular expression begins none.
    """
    text, end = "", 0
    for token in TOKEN.finditer(code):
        between = code[end : token.start()]
        if text and not JOINT.fullmatch(between):
            yield text
            text = ""
        yield between
        if token.lastindex:
            value = token[token.lastindex]
            text += PAIR.sub(_one, ESCAPE.sub(_character, VALUE.sub(" ", value) if token.lastindex == 3 else value))
        end = token.end()
    yield text
    yield code[end:]


def _unmarked(text: str) -> str:
    return unescape(TAG.sub("\n", INLINE.sub("", text))) if "<" in text or "&" in text else text


def _character(escape: re.Match[str]) -> str:
    if number := escape[1] or escape[2] or escape[3]:
        return chr(min(int(number, 16), 0x10FFFF))
    return LETTERS.get(escape[4], escape[4])


def _one(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")
