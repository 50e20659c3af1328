"""Take the files that a document holds in itself, as data URIs (RFC 2397), out of its text."""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

# In JSON a slash may be written `\\/`, and styles break long lines.
URI = re.compile(
    r"\bdata:(?P<type>[\w.+-]{1,80}\\?/[\w.+-]{1,80})?(?P<options>(?:;[\w.+=\"-]{1,80}){0,8}),"
    r"(?P<data>(?:[A-Za-z0-9+/=_%.~!$&*,;:@?-]|\\/)*)",
    re.IGNORECASE,
)
SHORT = 64  # characters; a shorter one is not worth a placeholder, and can hold no picture


class File(NamedTuple):
    """An embedded file, with the media type that its document declares, in lower case."""

    declared: str
    data: bytes


def lift(text: str) -> tuple[str, list[File]]:
    """Return the text without its data URIs, and the files that were in these, each once."""
    files: dict[File, None] = {}

    def take(found: re.Match[str]) -> str:
        if len(found[0]) <= SHORT:
            return found[0]
        if data := _bytes(found["data"].replace("\\/", "/"), "base64" in found["options"].lower()):
            declared = (found["type"] or "text/plain").replace("\\", "").lower()
            files[File(declared, data)] = None
        return "data:,"

    return URI.sub(take, text), list(files)


def _bytes(data: str, is_base64: bool) -> bytes:
    whole = unquote_to_bytes(data)
    if not is_base64:
        return whole
    whole = whole.translate(bytes.maketrans(b"-_", b"+/"), b"=\r\n\t ")
    try:
        return base64.b64decode(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return b""
