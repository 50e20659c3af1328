"""Where addresses lead, read as browsers read them, and which host a text names."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

HOST = re.compile(r"[a-z0-9_!$&'()*+,;=~-]{1,63}(?:\.[a-z0-9_!$&'()*+,;=~-]{1,63}){1,126}")
UNREAD = str.maketrans("", "", "\t\n\r")  # what browsers leave out of an address (WHATWG URL § 4.4)
AROUND = "".join(map(chr, range(0x21)))  # and what they leave out before and behind it
WEB = re.compile(r"(?:https?|ftp|wss?):[/\\]*|[/\\]{2,}", re.IGNORECASE)
AUTHORITY = re.compile(r"[^/\\?#]*")
PORT = re.compile(r":\d*$")
IN_TEXT = re.compile(r"(?:https?:|www\.)[^\s<>\"'`]{3,2000}", re.IGNORECASE)
TRAILING = ").,;:!?]}»…"
JOINED = re.compile(r"[\w@.-]")  # what stands before no address
SPELLED = re.compile(r"(?:https?:[/\\]{2}|(?<![\w@.-])(?=www\.))([\w.-]{4,253})", re.IGNORECASE)
ALONE = re.compile(r"([\w-]{1,63}(?:\.[\w-]{1,63}){1,40})(?::\d{1,5})?(?:[/?#]\S*)?")
LONGEST = 2_000  # characters of a text that can read like an address
DOT = re.compile(r"\.(?=\w)")  # few dots of a text are within words, so they are looked for first
FIRST = re.compile(r"[\w-]+$")
NAME = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,126}")
# ends of names of files that are ends of hosts, too
FILES = frozenset(("ai", "app", "cc", "md", "mov", "pl", "ps", "py", "rs", "sh", "so", "zip"))


def cleaned(address: str) -> str:
    """Return an address without what browsers leave out of it."""
    return address.translate(UNREAD).strip(AROUND)


def leads_to(address: str) -> tuple[str, str]:
    """Return the host that an address leads to, and a host that stands before an `@` in it; "" where there is none.

    Hosts come in ASCII (IDNA) and in small letters. The second one is what a reader may take for the first.
    """
    plain = cleaned(address)
    if not (begin := WEB.match(plain)) or not (found := AUTHORITY.match(plain, begin.end())):
        return "", ""
    user, _, host = unquote(found[0]).rpartition("@")
    return spelled(host), named(user)


def spelled(host: str) -> str:
    """Return a host in ASCII and small letters, without its port; "" if it is none, or one without a dot."""
    plain = PORT.sub("", host.strip()).strip(".").lower()
    if plain.isdecimal() and int(plain[:11]) < 1 << 32:  # browsers read it as an address of four numbers
        return str(ipaddress.IPv4Address(int(plain[:11])))
    try:
        plain = plain if plain.isascii() else plain.encode("idna").decode()
    except UnicodeError:
        return ""
    return plain if len(plain) <= 253 and HOST.fullmatch(plain) else ""


def named(text: str) -> str:
    """Return the host that a reader takes a text for: one in an address, or one that is all of it; "" if there is none.

    If there are several, it is the first.
    """
    plain = "".join(sign for sign in text[:LONGEST] if unicodedata.category(sign) != "Cf").strip()
    if found := SPELLED.search(plain):
        return spelled(found[1])
    alone = ALONE.fullmatch(plain)
    end = alone[1].rpartition(".")[2] if alone else ""
    is_code = end != end.lower() and alone and not alone[1].isupper()  # such as `Time.Now`
    return spelled(alone[1]) if alone and not is_code and end.lower() not in FILES else ""


def addresses(text: str) -> Iterator[str]:
    """Yield the addresses that a text spells out, each with its scheme."""
    for found in IN_TEXT.finditer(text):
        address = found[0].rstrip(TRAILING)
        if address[:4].lower() == "http":
            yield address
        elif not JOINED.fullmatch(text[max(0, found.start() - 1) : found.start()] or " "):
            yield f"http://{address}"


def names(text: str) -> Iterator[str]:
    """Yield all that could be a host in a text, also in mail addresses."""
    end = 0
    for dot in DOT.finditer(text):
        if dot.start() < end or not (first := FIRST.search(text, max(0, dot.start() - 63), dot.start())):
            continue
        if found := NAME.match(text, first.start()):
            end = found.end()
            # what is in ASCII is spelled as a host already; to look twice costs 20 µs
            if host := found[0].lower() if found[0].isascii() else spelled(found[0]):
                yield host
