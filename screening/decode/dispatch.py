"""Which decoder serves which media type; what is not in this table is `unsupported_type`.

Video and sound take their places here: a row for each type that `sniff` names already, and a module.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from screening.decode.article import needs_sandbox
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import HTML, JSON, MARKDOWN, PLAIN, Sniffed, examine
from screening.errors import UploadError
from screening.records import Content

DecoderFunction = Callable[[Sniffed, Limits, Fields], Content]

# by name, since a process should import only the parsers that its uploads need
DECODERS: Mapping[str, str] = {
    PLAIN: "article.plain",
    MARKDOWN: "documents.markdown",
    HTML: "markup.html",
    JSON: "documents.json_article",
    "image/jpeg": "image.picture",
    "image/png": "image.picture",
    "image/webp": "image.picture",
    "image/gif": "image.picture",
    "image/tiff": "image.picture",
    "image/bmp": "image.picture",
    "image/avif": "image.picture",
}
DOCUMENTS = frozenset({PLAIN, MARKDOWN, HTML, JSON})


def admit(data: bytes, limits: Limits) -> Sniffed:
    """What `data` is, when there is a decoder for it; UploadError empty, too_large, unsupported_type."""
    if not data:
        raise UploadError("empty")
    if len(data) > limits.max_bytes:
        raise UploadError("too_large", f"{len(data)} bytes, limit {limits.max_bytes}")
    sniffed = examine(data)
    if sniffed.media_type not in DECODERS:
        raise UploadError("unsupported_type", sniffed.media_type)
    return sniffed


def decoder_for(media_type: str) -> DecoderFunction:
    """The decoder of a media type in the table, its module imported."""
    module, name = DECODERS[media_type].split(".")
    function: DecoderFunction = getattr(importlib.import_module(f"screening.decode.{module}"), name)
    return function


def decode_admitted(
    sniffed: Sniffed, limits: Limits, fields: Fields, decoder: DecoderFunction | None = None
) -> Content:
    """Decode what `admit` let in, in this process, by the table's decoder or another.

    UploadError; MemoryError, ImportError or PermissionError where this process lacks something.
    """
    decoder = decoder or decoder_for(sniffed.media_type)
    try:
        return decoder(sniffed, limits, fields)
    except (UploadError, MemoryError, ImportError, PermissionError):
        raise
    except RecursionError:
        raise UploadError("too_deep", sniffed.media_type) from None
    except Exception as error:  # parsers raise whatever hostile bytes lead them to; all of it holds the upload
        raise UploadError("undecodable", f"{sniffed.media_type}: {type(error).__name__}") from None


def decode(data: bytes, limits: Limits = Limits(), fields: Fields = Fields()) -> Content:
    """Decode in this process, for bytes that are trusted; UploadError with one of `screening.decode.REASONS`."""
    return decode_admitted(admit(data, limits), limits, fields)


def is_risky(sniffed: Sniffed) -> bool:
    """Whether decoding needs a process that can die alone."""
    return sniffed.media_type not in DOCUMENTS or needs_sandbox(sniffed)
