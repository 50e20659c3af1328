"""Match content with banks of known hashes, exactly (SHA-256) and perceptually (PDQ), and of known hosts.

A picture is also known when it comes back mirrored, turned by a multiple of 90°, or with a plain border around it. It
is not known as a crop: that changes a PDQ hash more than another picture does.

A bank is a file of JSON lines, `{"type": "sha256" | "pdq", "hash": "<64 hex digits>", "id": "<name of the entry>"}` or
`{"host": "<name of a host>", "id": "<name of the entry>"}`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from screening.checks.borders import trimmed
from screening.checks.links.domains import is_suffix
from screening.checks.links.hosts import hosts_of, parents
from screening.checks.nearest import BITS, Nearest
from screening.content import Document, Picture
from screening.content.links import spelled
from screening.content.pdq import pdq, pdq_turned
from screening.errors import ConfigError, UploadError
from screening.records import Evidence, Signal
from screening.storage import open_store

__all__ = ["MATCHING", "MAX_DISTANCE", "MIN_QUALITY", "Bank", "load_bank", "match", "pdq"]

MATCHING = 3  # raise it whenever the same content may match the same bank otherwise

Use = Literal["block", "allow"]
LABELS: Mapping[Use, str] = {"block": "known_hash", "allow": "known_good"}  # of matches with a hash
KNOWN_HOST = "known_host"  # label of a match with a host of a block bank
MAX_DISTANCE = 31  # bits: the PDQ paper's threshold for one image in two files
FORM = (
    'write {"type": "sha256" or "pdq", "hash": "64 hex digits", "id": "name"} or {"host": "evil.example", "id": "name"}'
)
MIN_QUALITY = 50  # from the PDQ paper: hashes with less detail than this match by chance


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """The known hashes of one bank; `digest` is the SHA-256 of its file.

    `exact` maps each SHA-256 to the id of its entry. `pictures` finds the nearest PDQ hash, and `entries` are the ids
    of the entries of these hashes. `hosts` maps each host to the id of its entry.
    """

    id: str
    use: Use
    max_distance: int
    digest: str
    exact: Mapping[str, str]
    pictures: Nearest
    entries: tuple[str, ...]
    hosts: Mapping[str, str] = field(default_factory=dict)


def load_bank(uri: str, id: str, use: Use, max_distance: int = MAX_DISTANCE) -> Bank:
    """Read and validate a whole bank. Raises ConfigError, with file and line, if anything in it is wrong."""
    if not 0 <= max_distance < BITS:
        raise ConfigError(f"bank {id} has a max_distance of {max_distance}", file=uri, fix="give 0 to 255 bits")
    try:
        data = open_store(uri).get(uri)
    except UploadError as error:
        what = f"bank {id} can't be read ({error})"
        raise ConfigError(what, file=uri, line=1, fix="give a readable file of JSON lines") from None
    exact: dict[str, str] = {}
    hashes: list[bytes] = []
    entries: list[str] = []
    hosts: dict[str, str] = {}
    for kind, value, entry in _lines(data, uri, use):
        if isinstance(value, str):
            hosts.setdefault(value, entry)
        elif kind == "sha256":
            exact.setdefault(value.hex(), entry)
        else:
            hashes.append(value)
            entries.append(entry)
    if not exact and not hashes and not hosts:
        raise ConfigError(
            f"bank {id} is empty: it would match nothing", file=uri, line=1, fix=f"{FORM}, one entry per line"
        )
    pictures = Nearest(_words(hashes), max_distance)
    return Bank(id, use, max_distance, hashlib.sha256(data).hexdigest(), exact, pictures, tuple(entries), hosts)


def match(sha256: str, document: Document | None, banks: Sequence[Bank]) -> list[Signal]:
    """Return one signal for each bank that knows these bytes or, within its distance, a picture in this document.

    The label is `known_hash` for a block bank and `known_good` for an allow bank, which knows only an upload of one
    picture. The score is 1 for the same bytes, else 1 − distance ÷ 256 of the nearest picture. The evidence names the
    entry, the part, and what was done to the known picture if anything was.

    There is one more signal, `known_host`, for each bank that knows a host to which the document leads or which it
    names, or a host above such a one.
    """
    looks = any(bank.entries for bank in banks)
    parts = document.parts if looks and document else ()
    forms = [(part.place, _forms(part.content.pixels)) for part in parts if isinstance(part.content, Picture)]
    alone = len(parts) == 1 and document is not None and not document.not_looked_at
    found = (_search(bank, sha256, forms if alone or bank.use == "block" else ()) for bank in banks)
    named = (_host(bank, document) for bank in banks if bank.hosts and document)
    return [signal for signal in (*found, *named) if signal is not None]


def _forms(pixels: npt.NDArray[np.uint8]) -> dict[str, bytes]:
    """Return the hashes that a known picture may have had before it came to look like this one, by what was done."""
    inner = trimmed(pixels)
    forms: dict[str, bytes] = {}
    for what, each in (("", pixels), ("with a border", inner)):
        turned, quality = pdq_turned(each) if each is not None else ({}, 0)
        if quality >= MIN_QUALITY:
            forms |= {", ".join(filter(None, (how, what))): value for how, value in turned.items()}
    return forms


def _words(hashes: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, BITS // 64)


def _search(bank: Bank, sha256: str, pictures: Sequence[tuple[str, Mapping[str, bytes]]]) -> Signal | None:
    if sha256 in bank.exact:
        return _signal(bank, 1.0, f"sha256, entry {bank.exact[sha256]}")
    asked = [(place, how, value) for place, forms in pictures for how, value in forms.items()]
    if bank.use == "allow":  # only as it is: something may be written into a border, or read otherwise in a mirror
        asked = [each for each in asked if not each[1]]
    if (found := bank.pictures.find(_words(value for _, _, value in asked))) is None:
        return None
    place, how, _ = asked[found.query]
    said = filter(None, (f"pdq distance {found.distance}", how, f"entry {bank.entries[found.entry]}"))
    return _signal(bank, 1 - found.distance / BITS, ", ".join(said), place)


def _signal(bank: Bank, score: float, note: str, part: str = "") -> Signal:
    return Signal(f"bank/{bank.id}", LABELS[bank.use], score, Evidence(note=note, part=part))


def _host(bank: Bank, document: Document) -> Signal | None:
    for host, place in hosts_of(document):
        for parent in parents(host):
            if parent in bank.hosts:
                note = f"{host}, entry {bank.hosts[parent]}"
                return Signal(f"bank/{bank.id}", KNOWN_HOST, 1.0, Evidence(note=note, part=place))
    return None


def _lines(data: bytes, uri: str, use: Use) -> Iterator[tuple[str, bytes | str, str]]:
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "host" in row:
                host, entry = row["host"].strip(), str(row["id"])
                yield "host", _named(host, uri, number, use), entry
                continue
            kind, value, entry = row["type"], bytes.fromhex(row["hash"]), str(row["id"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ConfigError(
                f"not a bank entry ({type(error).__name__})",
                file=uri,
                line=number,
                fix=FORM,
            ) from None
        if kind not in ("sha256", "pdq") or len(value) != BITS // 8:
            raise ConfigError(
                f"a hash of type {kind!r} with {len(value)} bytes",
                file=uri,
                line=number,
                fix="use sha256 or pdq, whose hashes have 32 bytes",
            )
        yield kind, value, entry


def _named(host: str, uri: str, line: int, use: Use) -> str:
    """Return the host of an entry as links spell it."""
    if use == "allow":
        what, fix = "a host in a bank with `use: allow`", "whatever leads there would be accepted: remove it"
    elif not (plain := spelled(host)):
        what, fix = "not a host", "write one like evil.example, without a scheme, a path or a star"
    elif is_suffix(plain):
        what, fix = f"{plain} is an end that strangers share", "name the hosts below it that are meant"
    else:
        return plain
    raise ConfigError(what, file=uri, line=line, fix=fix)
