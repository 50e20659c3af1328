"""Decode untrusted bytes in child processes behind walls: the parent's side, the child's, and their messages."""

from screening.decode.sandbox.decoder import SANDBOXES, Decoder, Sandbox

__all__ = ["SANDBOXES", "Decoder", "Sandbox"]
