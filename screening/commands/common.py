"""What the commands share: flags, places and a console."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from screening.decode import SANDBOXES
from screening.hardware import ENGINES, PRECISIONS
from screening.storage import place

_NO_LIMIT = 100_000  # columns if there is no terminal, so that lines are never broken in a pipe


__all__ = ["add_results", "console", "engine_flags", "place", "sandbox_flag"]


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the result tables; its default is $SCREENING_RESULTS, or else the folder `results`."""
    parser.add_argument(
        "--results",
        default=os.environ.get("SCREENING_RESULTS", "results"),
        metavar="DIR",
        help="folder or gs:// prefix of the result tables (default: $SCREENING_RESULTS, else ./results)",
    )


def console() -> Console:
    """Return a console on standard output that never reads names as markup, and never breaks lines in a pipe."""
    width = None if sys.stdout.isatty() else _NO_LIMIT
    return Console(highlight=False, markup=False, emoji=False, width=width)


def engine_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags for the engine that runs the models, and for its precision."""
    parser.add_argument("--engine", default="auto", choices=ENGINES, help="the engine that runs the models")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="its precision; auto never takes int8")


def sandbox_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the walls around the decoders of untrusted bytes."""
    parser.add_argument(
        "--sandbox",
        default="auto",
        choices=SANDBOXES,
        help="walls around the decoders: auto takes those that the kernel allows, require stops if one is missing",
    )
