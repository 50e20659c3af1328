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
UNREAD = str.maketrans("", "", "\t\n\r")
LOOSE = re.compile(r"data:([^,;]{0,100})([^,]{0,300}),(.*)", re.IGNORECASE | re.DOTALL)
# Words between signs are left where they stand, since the text of a page shows them as they are. In base64 of what is
# no text, five such words in a row do not happen.
SPELLED = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z][a-z]{1,20}[^A-Za-z0-9]{1,3}){4}[A-Za-z][a-z]{1,20}(?![A-Za-z0-9])")


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
        return found[0] if SPELLED.search(found["data"]) else "data:,"

    return URI.sub(take, text), list(files)


def opened(uri: str) -> File | None:
    """Return the file in an attribute that is a data URI as browsers take it, with blanks and tags in it, or None."""
    found = LOOSE.match(address(uri))
    data = _bytes(found[3], "base64" in found[2].lower()) if found else b""
    return File(found[1].strip().lower() or "text/plain", data) if found and data.strip() else None


def address(uri: str) -> str:
    """Return an address as browsers take it, without the line ends and tabs in it (WHATWG URL § 4.4)."""
    return uri.translate(UNREAD).strip()


def _bytes(data: str, is_base64: bool) -> bytes:
    whole = unquote_to_bytes(data)
    if not is_base64:
        return whole
    whole = whole.translate(bytes.maketrans(b"-_", b"+/"), b"=\r\n\t ")
    try:
        return base64.b64decode(whole + b"=" * (-len(whole) % 4))
    except binascii.Error:
        return b""
