"""`screening classify`: score texts with a bundle, from JSON lines to JSON lines."""

from __future__ import annotations

import argparse
import io
import sys
from typing import Any

from screening.commands.common import engine_flags, place


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "classify",
        help="score texts with a bundle",
        description='Reads one {"id", "text"} per line from standard input, and writes {"id", "scores": {label: p}} '
        'for each, or {"id", "error"} for a text that can\'t be scored.',
    )
    parser.add_argument("--bundle", required=True, metavar="DIR", help="the bundle's folder or gs:// prefix")
    engine_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; return 1 if a line could not be scored."""
    # Imported here, since the models' runtime loads slowly and the other commands don't need it.
    from screening.classify import classify

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    failed = classify(place(args.bundle), sys.stdin, sys.stdout, engine=args.engine, precision=args.precision)
    if failed:
        print(f"{failed} lines could not be scored; each has an `error`", file=sys.stderr)
    return int(failed > 0)
