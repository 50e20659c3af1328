"""The process that decodes untrusted bytes: its walls, what goes over its pipes, and its parent's side."""

from screening.decode.sandbox.decoder import SANDBOXES, Decoder, Sandbox

__all__ = ["SANDBOXES", "Decoder", "Sandbox"]
