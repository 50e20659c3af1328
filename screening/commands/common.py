"""What the commands share: flags, places, a console."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from screening.decode import SANDBOXES
from screening.hardware import ENGINES, PRECISIONS
from screening.storage import place

_NO_LIMIT = 100_000  # columns, where no terminal sets a width: lines are never broken in a pipe


__all__ = ["add_results", "console", "engine_flags", "place", "sandbox_flag"]


def add_results(parser: argparse.ArgumentParser) -> None:
    """The flag for the result tables; $SCREENING_RESULTS is its default, else the folder `results`."""
    parser.add_argument(
        "--results",
        default=os.environ.get("SCREENING_RESULTS", "results"),
        metavar="DIR",
        help="folder or gs:// prefix of the result tables (default: $SCREENING_RESULTS, else ./results)",
    )


def console() -> Console:
    """Standard output; as wide as the lines are where it is no terminal, and never reading names as markup."""
    width = None if sys.stdout.isatty() else _NO_LIMIT
    return Console(highlight=False, markup=False, emoji=False, width=width)


def engine_flags(parser: argparse.ArgumentParser) -> None:
    """Adds what runs the models, and how exactly."""
    parser.add_argument("--engine", default="auto", choices=ENGINES, help="what runs the models")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="their numbers; int8 is never auto")


def sandbox_flag(parser: argparse.ArgumentParser) -> None:
    """Adds what must hold the decoders of untrusted bytes."""
    parser.add_argument(
        "--sandbox",
        default="auto",
        choices=SANDBOXES,
        help="walls around the decoders: auto takes those that the kernel allows, require stops where one is missing",
    )
