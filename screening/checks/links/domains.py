"""Which part of a host somebody registered, and which ASCII host another one looks like."""

from __future__ import annotations

import re
from functools import lru_cache

from tld import get_tld

from screening.checks.lookalikes import LOOKALIKES

RESERVED = frozenset(("example", "invalid", "localhost", "test"))  # RFC 2606: nobody can register these
NUMBERS = re.compile(r"[\d.]+")


@lru_cache(maxsize=1 << 12)
def registered(host: str) -> str:
    """Return what its owner registered of a host, by the Public Suffix List (https://publicsuffix.org).

    The list comes with the library and is never fetched. A host whose end is not on it, such as an IP address, has no
    owner that is known, and gives "".
    """
    if NUMBERS.fullmatch(host):
        return ""
    if host.rpartition(".")[2] in RESERVED:
        return ".".join(host.split(".")[-2:])
    found = get_tld(f"https://{host}/", fail_silently=True, as_object=True, search_private=True)
    return str(found.fld) if found and not isinstance(found, str) else ""


def is_suffix(host: str) -> bool:
    """Return whether a host is one below which others register theirs, such as `co.uk`."""
    return not NUMBERS.fullmatch(host) and registered(f"x.{host}") == f"x.{host}"


def looks_like(host: str) -> str:
    """Return the ASCII host that a reader takes a host for whose letters look like ASCII; "" if it is not such a one.

    A label counts if all of its letters beyond ASCII look like one of ASCII (Unicode UTS #39), and the host's end is in
    ASCII: in `.рф` such labels are ordinary words.
    """
    labels = host.split(".")
    if not any(label.startswith("xn--") for label in labels[:-1]) or labels[-1].startswith("xn--"):
        return ""
    seen = ".".join(map(_seen, labels))
    return seen if seen.isascii() and seen != host else ""


def _seen(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").translate(LOOKALIKES).lower()
    except UnicodeError:
        return label
