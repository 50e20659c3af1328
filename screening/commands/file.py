"""`screening file`: decide on a few files in this process, without Beam and without tables."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import screening
from screening.commands.common import console, engine_flags, sandbox_flag
from screening.records import Verdict
from screening.report.summary import COLOURS
from screening.report.text import visible
from screening.tables.schema import json_row


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "file",
        help="decide on files right away",
        description="Decide on files and folders right away, as the jobs do. Nothing is stored.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, folder or gs:// prefix")
    parser.add_argument("--policy", default="", help="the policy file (default: the one that ships)")
    parser.add_argument(
        "--bundles",
        action="append",
        default=[],
        help="a folder of model bundles; can be repeated (default: those that ship)",
    )
    engine_flags(parser)
    sandbox_flag(parser)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="json prints one whole verdict per line"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    opened = screening.open(
        policy=args.policy,
        bundles=args.bundles,
        engine=args.engine,
        precision=args.precision,
        sandbox=args.sandbox,
        run_id="file",
    )
    with opened as screener:
        for verdict in screener.files(*args.paths):
            _show(verdict, args.format)


def _show(verdict: Verdict, form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(json_row(verdict), ensure_ascii=False) + "\n")
        return
    out = console()
    out.print(f"{verdict.decision:<7}", style=COLOURS[verdict.decision], end=" ")
    why = ", ".join(verdict.reasons) + (f" ({verdict.detail})" if verdict.detail else "")
    out.print(visible(f"{verdict.name}  {why}".rstrip()), soft_wrap=True)
