"""What a browser shows and no text has, by page, with the reason."""

from __future__ import annotations

from tests.browser import tricks

KNOWN = {
    "utf8_declared_latin1.html": "valid UTF-8 is read as UTF-8; a browser believes the page, which says something else",
    **tricks.KNOWN,
}
