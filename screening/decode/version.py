"""The version of the decoders, which is part of a verdict's fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version

from screening.decode.limits import Fields

REVISION = 6  # raise it whenever the same bytes may give a different Document
LIBRARIES = (
    "charset-normalizer",
    "lxml",
    "markdown-it-py",
    "pi-heif",
    "pillow",
    "pycld2",
    "pypdfium2",
    "resvg-py",
    "tld",
    "trafilatura",
    "webencodings",
)
DECODER_VERSION = "+".join((str(REVISION), ",".join(f"{name}-{version(name)}" for name in LIBRARIES)))


def decoder_version(fields: Fields) -> str:
    """Return `DECODER_VERSION`, with a digest of `fields` (what of JSON is text) unless they are the default."""
    if fields == Fields():
        return DECODER_VERSION
    return f"{DECODER_VERSION}+fields-{hashlib.sha256(json.dumps(asdict(fields)).encode()).hexdigest()[:16]}"
