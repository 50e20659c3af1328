"""What every script of this room does on the command line: log, and end a known error with its message alone."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from screening.errors import ScreeningError


@contextmanager
def console() -> Iterator[None]:
    """Logs to standard error; a ScreeningError ends the process with its message and status 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        yield
    except ScreeningError as error:
        sys.exit(str(error))
