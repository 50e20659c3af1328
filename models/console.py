"""What every command of this room does: read its flags, log, and end a known error with its message alone.

A command imports what it runs inside `console`, once its flags are read. So `--help` needs no training stack, and a
command that needs one says how to get it.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from screening.errors import ScreeningError

# What is there only with the extra `train`, by the names of the modules.
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
    """A parser whose help is a module's docstring, and whose name is the command that stands in it."""
    name = re.search(r"-m (models\.[a-z_.]+)", described or "")
    return argparse.ArgumentParser(
        prog=f"python -m {name[1]}" if name else None,
        description=described,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


@contextmanager
def console() -> Iterator[None]:
    """Logs to standard error; a ScreeningError ends the process with its message and status 1.

    Where the training stack is not installed, one line that says so ends it with status 2.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        yield
    except ScreeningError as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in STACK:
            raise
        print("this needs the training stack: pip install 'content-screening[train]'", file=sys.stderr)
        sys.exit(2)
