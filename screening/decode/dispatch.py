"""Choose the decoder for each media type; a type that no kind of content names is `unsupported_type`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from screening.content import Document
from screening.content.kinds import HTML, JSON, KINDS, MARKDOWN, PLAIN, SVG, named
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed, examine, is_locked
from screening.decode.texts.article import also_plain, needs_sandbox
from screening.decode.texts.article import plain as plain_text
from screening.errors import UploadError

DecoderFunction = Callable[[Sniffed, Limits, Fields], Document]

# Decoders are named, not imported, so that a process imports only the parsers that its uploads need.
DECODERS: Mapping[str, str] = {
    media_type: name for kind in KINDS.values() for media_type, name in kind.decoders.items()
}
DOCUMENTS = frozenset((PLAIN, MARKDOWN, HTML, JSON, SVG))  # what crosses to a child as text


def admit(data: bytes, limits: Limits, shown_as: str = "") -> Sniffed:
    """Return what `data` is, if there is a decoder for it.

    `shown_as` is PLAIN or HTML if that is how it will be shown if it is a text, or "" if its look will decide.

    Raises UploadError with `empty`, `too_large`, `encrypted` or `unsupported_type`.
    """
    if not data:
        raise UploadError("empty")
    if len(data) > limits.max_bytes:
        raise UploadError("too_large", f"{len(data)} bytes, limit {limits.max_bytes}")
    sniffed = examine(data)
    if is_locked(sniffed):
        raise UploadError("encrypted", "an Office file with a password")
    if sniffed.media_type not in DECODERS:
        raise UploadError("unsupported_type", sniffed.media_type)
    if shown_as == HTML and sniffed.media_type in (PLAIN, MARKDOWN):  # a page may begin with words
        return replace(sniffed, media_type=HTML)
    return replace(sniffed, plain=shown_as == PLAIN and sniffed.media_type in DOCUMENTS)


def decoder_for(media_type: str) -> DecoderFunction:
    """Import and return the decoder of a media type that is in the table."""
    function: DecoderFunction = named(DECODERS[media_type])
    return function


def decode_admitted(
    sniffed: Sniffed, limits: Limits, fields: Fields, decoder: DecoderFunction | None = None
) -> Document:
    """Decode, in this process, what `admit` let in, with `decoder` or else the one in the table.

    Raises UploadError; also MemoryError, ImportError or PermissionError if this process lacks something.
    """
    decoder = decoder or decoder_for(sniffed.media_type)
    try:
        document = decoder(sniffed, limits, fields)
        return also_plain(document, sniffed, limits) if sniffed.plain else document
    except UploadError:
        if sniffed.plain:  # it need not be sound JSON or HTML
            return plain_text(sniffed, limits, fields)
        raise
    except (MemoryError, ImportError, PermissionError):
        raise
    except RecursionError:
        raise UploadError("too_deep", sniffed.media_type) from None
    except Exception as error:  # hostile bytes can make a parser raise anything; the upload is then held
        raise UploadError("undecodable", f"{sniffed.media_type}: {type(error).__name__}") from None


def decode(data: bytes, limits: Limits = Limits(), fields: Fields = Fields(), shown_as: str = "") -> Document:
    """Decode bytes that are trusted in this process. Raises UploadError with one of `screening.decode.REASONS`."""
    return decode_admitted(admit(data, limits, shown_as), limits, fields)


def is_risky(sniffed: Sniffed) -> bool:
    """Return whether an upload must be decoded in a process of its own, since it may crash it."""
    return sniffed.media_type not in DOCUMENTS or needs_sandbox(sniffed)
