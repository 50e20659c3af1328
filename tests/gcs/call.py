"""One call and its reply, as both APIs see them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

from tests.gcs.state import FIELDS, Object, Refused


@dataclass
class Call:
    """`path` is as it was sent, percent-encoded; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str  # scheme, host and port under which the caller reached us


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def download(found: Object, call: Call) -> Reply:
    """The bytes, or the part that the Range header asks for, with what Google says of them."""
    headers = {
        "Content-Type": found.fields.get("contentType", "application/octet-stream"),
        "ETag": f'"{found.md5_hex}"',
        "Last-Modified": formatdate(found.updated, usegmt=True),
        "Accept-Ranges": "bytes",
        "X-Goog-Generation": str(found.generation),
        "X-Goog-Metageneration": str(found.metageneration),
        "X-Goog-Hash": f"crc32c={found.crc32c},md5={found.md5}",
        "X-Goog-Storage-Class": "STANDARD",
        "X-Goog-Stored-Content-Length": str(len(found.data)),
        "X-Goog-Stored-Content-Encoding": found.fields.get("contentEncoding", "identity"),
    }
    for name, header in FIELDS.items():
        if name in found.fields:
            headers[header] = found.fields[name]
    headers |= {f"x-goog-meta-{key}": value for key, value in found.metadata.items() if _plain(key + value)}
    data = found.data
    if found.fields.get("contentEncoding") == "gzip" and "gzip" not in call.headers.get("accept-encoding", ""):
        del headers["content-encoding"]
        return Reply(200, gzip.decompress(data), headers)
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", call.headers.get("range", ""))
    if not wanted or wanted[0] == "bytes=-":
        return Reply(200, data, headers)
    first, last = wanted.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if start >= len(data):
        raise Refused(416, "requestedRangeNotSatisfiable")
    if end < start:
        return Reply(200, data, headers)
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Reply(206, data[start : end + 1], headers)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
