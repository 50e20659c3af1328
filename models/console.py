"""What every command in `models` shares: its command line, its log, and how it reports an error.

A command imports what it runs inside `console`, after reading its flags. So `--help` works without the training stack,
and a command that needs the stack says how to install it.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from screening.errors import ScreeningError

# The modules that are installed only with the extra `train`.
STACK = frozenset(
    [
        "accelerate",
        "datasets",
        "datasketch",
        "huggingface_hub",
        "matplotlib",
        "onnxscript",
        "safetensors",
        "scipy",
        "sklearn",
        "torch",
        "tqdm",
        "transformers",
    ]
)


def command_line(described: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is a module's docstring, and whose name is the command given in that docstring."""
    name = re.search(r"-m (models\.[a-z_.]+)", described or "")
    return argparse.ArgumentParser(
        prog=f"python -m {name[1]}" if name else None,
        description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


@contextmanager
def console() -> Iterator[None]:
    """Run the body of a command, with its log on standard error.

    A ScreeningError ends the process with its message and status 1. If the training stack is not installed, the process
    says so in one line and ends with status 2.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        yield
    except ScreeningError as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in STACK:
            raise
        print("this command needs the training stack: pip install 'content-screening[train]'", file=sys.stderr)
        sys.exit(2)
