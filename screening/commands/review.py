"""`screening review`: a person's decision on a verdict. It is appended, and no verdict ever changes."""

from __future__ import annotations

import argparse
import getpass
import uuid
from datetime import UTC, datetime
from typing import Any

from screening.commands.common import UnknownUpload, add_results, console, place, verdicts_on
from screening.errors import ConfigError, ScreeningError
from screening.records import Review
from screening.report.text import visible
from screening.tables import ResultTables


class ReviewRefused(ScreeningError):
    """What a person asked for is not theirs to decide."""


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "review",
        help="decide on an upload as a person",
        description="Uphold or overturn the newest verdict on an upload. Overturning a reject or a review clears it; "
        "overturning an accept, or upholding a review, rejects it. An error can't be cleared.",
    )
    parser.add_argument("uri", help="URI or path of the upload, or its name below the input")
    parser.add_argument("--decision", required=True, choices=("uphold", "overturn"))
    parser.add_argument("--reason", required=True, help="why, for whoever reads it later")
    parser.add_argument("--reviewer", default="", help="who decides (default: the name of the login)")
    parser.add_argument("--run-id", default="", help="refuse unless the newest verdict is still this run's")
    add_results(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Runs the command."""
    if not args.reason.strip():
        raise ConfigError("--reason is empty", fix="say why; it is what an appeal will look at")
    tables = ResultTables(place(args.results))
    verdict = verdicts_on(tables, args.uri)[0]
    if args.run_id and verdict.run_id != args.run_id:
        raise UnknownUpload(f"the newest verdict is of run {verdict.run_id}, not {args.run_id}; look at it again")
    if verdict.decision == "error" and args.decision == "overturn":
        why = ", ".join(verdict.reasons) or "no reason stored"
        raise ReviewRefused(
            f"an error can't be overturned: {verdict.uri} could not be screened ({why}), so it stays held; "
            "upload it again or mend the cause, and screen it again"
        )
    tables.append_reviews(
        [
            Review(
                review_id=uuid.uuid4().hex,
                run_id=verdict.run_id,
                uri=verdict.uri,
                generation=verdict.generation,
                decision=args.decision,
                reason=args.reason.strip(),
                reviewer=args.reviewer or getpass.getuser(),
                reviewed_at=datetime.now(UTC),
            )
        ]
    )
    stands = tables.connection().execute("SELECT decision FROM effective_verdicts WHERE uri = ?", [verdict.uri])
    ((decision,),) = stands.fetchall()
    console().print(f"{visible(verdict.uri)}: {verdict.decision}, {args.decision} -> {decision}")
