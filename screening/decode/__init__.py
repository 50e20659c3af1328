"""Untrusted bytes in, `Content` out, or an UploadError that says why not.

Reasons: `empty`, `unsupported_type`, `unsupported_variant` (the detail names it), `undecodable`, `too_large`,
`too_many_pixels`, `too_deep`, `too_complex` (the detail names the count and its limit), `no_text`, `too_much_work`,
`decode_timeout`, `decoder_crashed`.
"""

from screening.decode.dispatch import DECODERS, decode
from screening.decode.limits import MAX_SIDE, Fields, Limits
from screening.decode.sandbox import SANDBOXES, Decoder, Sandbox
from screening.decode.sniff import sniff
from screening.decode.version import DECODER_VERSION, decoder_version

REASONS = (
    "empty",
    "unsupported_type",
    "unsupported_variant",
    "undecodable",
    "too_large",
    "too_many_pixels",
    "too_deep",
    "too_complex",
    "no_text",
    "too_much_work",
    "decode_timeout",
    "decoder_crashed",
)

__all__ = [
    "DECODERS",
    "DECODER_VERSION",
    "MAX_SIDE",
    "REASONS",
    "SANDBOXES",
    "Decoder",
    "Fields",
    "Limits",
    "Sandbox",
    "decode",
    "decoder_version",
    "sniff",
]
