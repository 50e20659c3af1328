"""The messages between a decoder and its child: a JSON header and raw bytes, each with its length; never a pickle."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import IO, Any

from screening.content import Document, Link, Part
from screening.content.kinds import KINDS, MAX_SIDE, kind_of
from screening.content.links import HOST
from screening.decode.limits import Limits
from screening.errors import UploadError
from screening.records import ROLES, NotLookedAt

PREFIX = struct.Struct(">II")  # the lengths of header and body, in bytes
MAX_HEADER = 12 << 20  # bytes; each of 2,000 parts and 5,000 links tells its place in up to 1,200, as JSON escapes it
MAX_DETAIL = 500  # characters
REASON = re.compile(r"[a-z_]{1,40}")
OUT_OF_MEMORY = 77  # the exit status of a child that ran out of memory


class Broken(Exception):
    """The other side does not speak this protocol."""


class Ended(Broken):
    """The other side is gone."""


def send(stream: IO[bytes], header: dict[str, Any], *body: bytes | memoryview) -> None:
    """Write one message, whose body may come in pieces. Raises OSError if the other side is gone."""
    encoded = json.dumps(header).encode()
    stream.write(PREFIX.pack(len(encoded), sum(map(len, body))) + encoded)
    for piece in body:
        stream.write(piece)
    stream.flush()


def receive(stream: IO[bytes], max_body: int) -> tuple[dict[str, Any], bytes]:
    """Read one message. Raises Broken if it ends early, is larger than allowed or is not a message."""
    header_size, body_size = PREFIX.unpack(_exactly(stream, PREFIX.size))
    if header_size > MAX_HEADER or body_size > max_body:
        raise Broken("message too large")
    try:
        header = json.loads(_exactly(stream, header_size))
    except (ValueError, RecursionError):
        raise Broken("header is not JSON") from None
    if not isinstance(header, dict):
        raise Broken("header is not an object")
    return header, _exactly(stream, body_size)


def pack(result: Document | UploadError) -> tuple[dict[str, Any], Sequence[bytes | memoryview]]:
    """Return the header, and the pieces of the body, of the message that carries a decoder's result."""
    if isinstance(result, UploadError):
        return {"reason": result.reason, "detail": result.detail}, ()
    parts, body = [], []
    for part in result.parts:
        kind = kind_of(part.content)
        facts, data = KINDS[kind].pack(part.content)
        parts.append({"place": part.place, "role": part.role, "kind": kind, "facts": facts, "bytes": len(data)})
        body.append(data)
    missed = [asdict(each) for each in result.not_looked_at]
    own = {
        "media_type": result.media_type,
        "language": result.language,
        "not_looked_at": missed,
        "trailing": result.trailing,
        "trailing_bytes": result.trailing_bytes,
        "links": [(link.place, link.host, link.says) for link in result.links],
    }
    return {"document": own, "parts": parts}, body


def unpack(header: dict[str, Any], body: bytes) -> Document | UploadError:
    """Return the result that a message carries. The message may be forged; raises Broken if it holds no result."""
    try:
        if "reason" in header:
            if not REASON.fullmatch(header["reason"]):
                raise Broken("not a reason")
            return UploadError(header["reason"], str(header["detail"])[:MAX_DETAIL])
        parts = tuple(_parts(header["parts"], memoryview(body)))
        if not parts or len({part.place for part in parts}) < len(parts):
            raise Broken("not the parts of a document")
        own = header["document"]
        missed = (
            NotLookedAt(str(each["what"]), max(1, int(each["count"])), str(each["why"]))
            for each in own["not_looked_at"]
        )
        return Document(
            str(own["media_type"]),
            parts,
            tuple(missed),
            str(own["language"]),
            str(own["trailing"]),
            int(own["trailing_bytes"]),
            tuple(_link(*each) for each in own["links"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Broken("not a result") from None


def _link(place: str, host: str, says: str) -> Link:
    if not HOST.fullmatch(host) or not (says == "" or HOST.fullmatch(says)):
        raise Broken("not a host")
    return Link(str(place), host, says)


def _parts(headers: Sequence[dict[str, Any]], body: memoryview) -> Iterator[Part]:
    start = 0
    for each in headers:
        end = start + int(each["bytes"])
        if not start <= end <= len(body) or each["role"] not in ROLES:
            raise Broken("not a part")
        content = KINDS[each["kind"]].unpack(each["facts"], bytes(body[start:end]))
        yield Part(str(each["place"]), each["role"], content)
        start = end


def largest(limits: Limits) -> int:
    """Return the size, in bytes, of the longest body that a result may have under `limits`."""
    return 4 * limits.max_text_chars + max(1, limits.frames) * 3 * MAX_SIDE * MAX_SIDE


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise Ended("ended early")
    return data
