"""`screening classify`: a bundle's scores for texts, JSON lines in and out."""

from __future__ import annotations

import argparse
import io
import sys
from typing import Any

from screening.commands.common import engine_flags, place


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "classify",
        help="score texts with a bundle",
        description='Reads {"id", "text"} a line on standard input, writes {"id", "scores": {label: p}} a line, or '
        '{"id", "error"} for one that can not be scored.',
    )
    parser.add_argument("--bundle", required=True, metavar="DIR", help="the bundle's folder or gs:// prefix")
    engine_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command; 1 when a line could not be scored."""
    # Here, not above: the runtime of the models loads slowly, and the other commands do without.
    from screening.classify import classify

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    failed = classify(place(args.bundle), sys.stdin, sys.stdout, engine=args.engine, precision=args.precision)
    if failed:
        print(f"{failed} lines could not be scored; each has its `error`", file=sys.stderr)
    return int(failed > 0)
