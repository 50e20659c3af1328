"""`screening review`: record a person's decision on a verdict. It is appended; the verdict itself never changes."""

from __future__ import annotations

import argparse
import getpass
from typing import Any

from screening.commands.common import add_results, console, place
from screening.report.text import visible
from screening.reviews import effective, review
from screening.tables import ResultTables


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "review",
        help="record your decision on an upload",
        description="Upholds or overturns the newest verdict on an upload. Overturning a reject or a review clears it; "
        "overturning an accept, or upholding a review, rejects it. An error can't be cleared.",
    )
    parser.add_argument("uri", help="URI or path of the upload, or its name below the input")
    parser.add_argument("--decision", required=True, choices=("uphold", "overturn"), help="what you decide")
    parser.add_argument("--reason", required=True, help="why, for those who read it later")
    parser.add_argument("--reviewer", default="", help="who decides (default: your login name)")
    parser.add_argument("--run-id", default="", help="refuse if the newest verdict is not of this run")
    add_results(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    tables = ResultTables(place(args.results))
    reviewer = args.reviewer or getpass.getuser()
    verdict = review(tables, args.uri, args.decision, args.reason, reviewer, args.run_id)
    stands, _ = effective(tables, verdict.uri)
    console().print(f"{visible(verdict.uri)}: {verdict.decision}, {args.decision} -> {stands}")
