"""What decoded an upload, for its verdict's fingerprint."""

from __future__ import annotations

from importlib.metadata import version

REVISION = 2  # raise it whenever the same bytes may give another Content
LIBRARIES = ("charset-normalizer", "lxml", "markdown-it-py", "pillow", "trafilatura")
DECODER_VERSION = "+".join((str(REVISION), ",".join(f"{name}-{version(name)}" for name in LIBRARIES)))
