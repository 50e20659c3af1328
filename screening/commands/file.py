"""`screening file`: the whole decision on a few files, in this process, without Beam and without tables."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from screening.commands.common import console, engine_flags, place, sandbox_flag
from screening.records import Upload, Verdict
from screening.report.summary import COLOURS
from screening.report.text import visible
from screening.storage import open_store
from screening.tables.schema import json_row


def add(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "file",
        help="decide on files at once",
        description="The whole decision on files and folders, in this process; nothing is stored.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder or gs:// prefix")
    parser.add_argument("--policy", default="", help="policy file (default: the one that ships)")
    parser.add_argument(
        "--bundles", action="append", default=[], help="folder of model bundles (default: those shipped)"
    )
    engine_flags(parser)
    sandbox_flag(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="json: one whole verdict a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Runs the command."""
    # Here, not above: the runtime of the models loads slowly, and the other commands do without.
    from screening.screener import Screener
    from screening.settings import prepare

    policy = place(args.policy) if args.policy else ""
    settings = prepare(policy, [place(each) for each in args.bundles], args.engine, args.precision)
    screener = Screener(settings, "file", sandbox=args.sandbox)
    try:
        for verdict in screener.screen(uploads([place(path) for path in args.paths])):
            _show(verdict, args.format)
    finally:
        screener.close()


def uploads(places: Sequence[str]) -> Iterator[Upload]:
    """The files themselves, and what lies below folders and prefixes."""
    for uri in places:
        store = open_store(uri)
        if store.exists(uri):
            yield store.stat(uri, uri.rsplit("/", 1)[-1])
        else:
            yield from store.list(uri)


def _show(verdict: Verdict, form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(json_row(verdict), ensure_ascii=False) + "\n")
        return
    out = console()
    out.print(f"{verdict.decision:<7}", style=COLOURS[verdict.decision], end=" ")
    why = ", ".join(verdict.reasons) + (f" ({verdict.detail})" if verdict.detail else "")
    out.print(visible(f"{verdict.name}  {why}".rstrip()), soft_wrap=True)
