"""What every command of this room does: read its flags, log, and end a known error with its message alone."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from screening.errors import ScreeningError


def command_line(described: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a module's docstring, and whose name is the command that stands in it."""
    name = re.search(r"-m (models\.[a-z_.]+)", described or "")
    return argparse.ArgumentParser(
        prog=f"python -m {name[1]}" if name else None,
        description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


@contextmanager
def console() -> Iterator[None]:
    """Logs to standard error; a ScreeningError ends the process with its message and status 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        yield
    except ScreeningError as error:
        sys.exit(str(error))
