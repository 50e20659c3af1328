"""The messages between a decoder and its child: a JSON header and raw bytes, each with its length; never a pickle."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from screening.decode.limits import MAX_SIDE, Limits
from screening.errors import UploadError
from screening.records import Article, Content, Picture

PREFIX = struct.Struct(">II")  # the lengths of header and body, in bytes
MAX_HEADER = 1 << 20
MAX_DETAIL = 500  # characters
REASON = re.compile(r"[a-z_]{1,40}")
OUT_OF_MEMORY = 77  # the exit status of a child that ran out of memory


class Broken(Exception):
    """The other side does not speak this protocol."""


class Ended(Broken):
    """The other side is gone."""


def send(stream: IO[bytes], header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Write one message. Raises OSError if the other side is gone."""
    encoded = json.dumps(header).encode()
    stream.write(PREFIX.pack(len(encoded), len(body)) + encoded)
    stream.write(body)
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


def pack(result: Content | UploadError) -> tuple[dict[str, Any], bytes | memoryview]:
    """Return the header and body of the message that carries a decoder's result."""
    if isinstance(result, UploadError):
        return {"reason": result.reason, "detail": result.detail}, b""
    if isinstance(result, Article):
        return {"article": {**asdict(result), "text": ""}}, result.text.encode()
    facts = {"media_type": result.media_type, "width": result.width, "height": result.height}
    return {"picture": {**facts, "frames": result.frames}, "shape": result.pixels.shape}, result.pixels.reshape(-1).data


def unpack(header: dict[str, Any], body: bytes) -> Content | UploadError:
    """Return the result that a message carries. The message may be forged; raises Broken if it holds no result."""
    try:
        if "reason" in header:
            if not REASON.fullmatch(header["reason"]):
                raise Broken("not a reason")
            return UploadError(header["reason"], str(header["detail"])[:MAX_DETAIL])
        if "article" in header:
            return Article(**{**{k: str(v) for k, v in header["article"].items()}, "text": body.decode()})
        height, width, channels = header["shape"]
        if channels != 3 or not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
            raise Broken("not a picture")
        pixels = np.frombuffer(body, np.uint8).reshape(height, width, channels)
        facts = header["picture"]
        numbers = {name: int(facts[name]) for name in ("width", "height", "frames")}
        if not all(0 < number < 1 << 32 for number in numbers.values()):
            raise Broken("not a picture")
        return Picture(str(facts["media_type"]), **numbers, pixels=pixels)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Broken("not a result") from None


def largest(limits: Limits) -> int:
    """Return the size, in bytes, of the longest body that a result may have under `limits`."""
    return max(4 * limits.max_text_chars, 3 * MAX_SIDE * MAX_SIDE)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise Ended("ended early")
    return data
