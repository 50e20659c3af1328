"""Make what uploaders chose (names, URIs, error texts) safe to look at."""

from __future__ import annotations

import unicodedata

# Unicode's control, format (with the bidirectional overrides) and surrogate characters, and two line separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    """Return the text, with each character that could steer a terminal or reorder text written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
