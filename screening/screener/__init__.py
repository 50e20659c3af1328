"""Screen uploads in this process: read → decode → match → check → classify → decide.

The Beam job and `screening file` both run this code. Threads read and decode ahead while the classifiers work on
earlier batches; the uploads in flight are limited in number and bytes, before and after they are decoded.
"""

from screening.screener.prepare import Read, stored
from screening.screener.screener import Screener, make_decoder

__all__ = ["Read", "Screener", "make_decoder", "stored"]
