"""`screening policy`: is a policy file sound, and what would it have decided?"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from screening.commands.common import add_results, console, place
from screening.records import DECISIONS
from screening.report.summary import COLOURS
from screening.report.text import visible
from screening.tables import ResultTables


def add(commands: Any) -> None:
    """Adds the command."""
    parent = commands.add_parser("policy", help="check a policy file, or try it on stored signals")
    actions = parent.add_subparsers(title="actions", metavar="ACTION", required=True)
    lint_parser = actions.add_parser(
        "lint", help="check a policy file", description="Checks the whole file and shows its resolved thresholds."
    )
    try_parser = actions.add_parser(
        "try",
        help="decide again from stored signals",
        description="Decides the newest verdicts again under this policy, without a model, and counts what changes.",
    )
    for parser in (lint_parser, try_parser):
        parser.add_argument("file", help="policy file")
        parser.add_argument("--bundles", default="", help="folder of model bundles (default: those shipped)")
    add_results(try_parser)
    lint_parser.set_defaults(run=lint)
    try_parser.set_defaults(run=try_)


def _load(args: argparse.Namespace) -> Any:
    # Here, not above: the bundles load slowly, and the other commands do without.
    from screening.classifiers import find_bundles
    from screening.policy import load_policy
    from screening.settings import SHIPPED_BUNDLES

    return load_policy(place(args.file), find_bundles(place(args.bundles or SHIPPED_BUNDLES)))


def lint(args: argparse.Namespace) -> None:
    """Runs `policy lint`."""
    policy = _load(args)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("category", "label", "level", "crossed", "as the policy words it"):
        table.add_column(heading)
    for each in policy.thresholds:
        sign = "≥" if each.worse == "high" else "≤"
        cells = (each.category, each.label, each.level, f"{sign} {each.score:.4g}", each.origin)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    out = console()
    out.print(table)
    out.print(f"{visible(args.file)} is sound; digest {policy.digest}", soft_wrap=True)


def try_(args: argparse.Namespace) -> None:
    """Runs `policy try`."""
    from screening.policy import replay  # here for the same reason

    policy = _load(args)
    changes, people, before, after = Counter[tuple[str, str]](), 0, 0, 0
    for verdict, decided_by_a_person in ResultTables(place(args.results)).newest_verdicts():
        decision = replay(policy, verdict).decision
        changes[verdict.decision, decision] += 1
        if decided_by_a_person:
            people += 1
            before += verdict.decision == decided_by_a_person
            after += decision == decided_by_a_person
    out = console()
    out.print(_changes(changes))
    if people:
        out.print(f"{people} of them were decided by people, who agree with {before} before and {after} after")


def _changes(changes: Counter[tuple[str, str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stored verdict")
    for decision in DECISIONS:
        table.add_column(f"now {decision}", justify="right")
    for stored in DECISIONS:
        cells = [str(changes[stored, decision]) for decision in DECISIONS]
        table.add_row(Text(stored, style=COLOURS[stored]), *cells)
    return table
