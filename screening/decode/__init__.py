"""Decode untrusted bytes into a `Document`, or raise an UploadError that says why they can't be decoded.

Its reason is one of `REASONS`. The detail of `unsupported_variant` names the variant, and that of `too_complex` names
the count and its limit.
"""

from screening.content.kinds import MAX_SIDE
from screening.decode.dispatch import DECODERS, decode
from screening.decode.limits import Fields, Limits
from screening.decode.sandbox import SANDBOXES, Decoder, Sandbox
from screening.decode.sniff import sniff
from screening.decode.version import DECODER_VERSION, decoder_version

REASONS = (
    "empty",
    "unsupported_type",
    "unsupported_variant",
    "undecodable",
    "encrypted",
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
