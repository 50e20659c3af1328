"""`screening policy`: is a policy file sound, and what would it have decided?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from screening.commands.common import add_results, console, place
from screening.records import DECISIONS, GENRES, Decision, Genre, Threshold, Verdict
from screening.report.summary import COLOURS
from screening.report.text import visible
from screening.tables import ResultTables

if TYPE_CHECKING:
    from screening.classifiers import Bundle
    from screening.policy import Policy
    from screening.policy.costs import Cost


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parent = commands.add_parser("policy", help="check a policy file, or try it on stored signals")
    actions = parent.add_subparsers(title="actions", metavar="ACTION", required=True)
    lint_parser = actions.add_parser(
        "lint", help="check a policy file", description="Checks the whole file, and shows its targets as scores."
    )
    try_parser = actions.add_parser(
        "try",
        help="decide again from stored signals",
        description="Decides the newest verdicts again under this policy, without any model, and counts what changes.",
    )
    for parser in (lint_parser, try_parser):
        parser.add_argument("file", help="policy file")
        parser.add_argument("--bundles", default="", help="folder of model bundles (default: those shipped)")
    add_results(try_parser)
    try_parser.add_argument("--limit", type=int, default=20, help="most changed verdicts to list (default: 20)")
    lint_parser.set_defaults(run=lint)
    try_parser.set_defaults(run=try_)


def _load(args: argparse.Namespace) -> tuple[Policy, list[Bundle]]:
    # Imported here, since the bundles load slowly and the other commands don't need them.
    from screening.classifiers import find_bundles
    from screening.policy import load_policy
    from screening.settings import SHIPPED_BUNDLES

    bundles = find_bundles(place(args.bundles or SHIPPED_BUNDLES))
    return load_policy(place(args.file), bundles), bundles


def lint(args: argparse.Namespace) -> None:
    """Run `policy lint`."""
    from screening.policy.costs import costs  # here for the same reason
    from screening.settings import open_banks

    policy, bundles = _load(args)
    open_banks(policy.banks, policy.rules)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("category", "label", "level", "crossed", "for", "policy's wording"):
        table.add_column(heading)
    for each in policy.thresholds:
        sign = "≥" if each.worse == "high" else "≤"
        cells = (
            each.category, each.label, each.level, f"{sign} {each.score:.4g}", each.conditions or "all", each.origin
        )  # fmt: skip
        table.add_row(*(Text(visible(cell)) for cell in cells))
    out = console()
    out.print(table)
    _print_costs(out, list(costs(policy, bundles)))
    out.print(f"{visible(args.file)} is sound; digest {policy.digest}", soft_wrap=True)


def _print_costs(out: Console, found: Sequence[Cost]) -> None:
    """Print how many of 1,000 harmless texts of each genre a level holds, and the share of bad texts that it finds."""
    if not found:
        return
    genres = [genre for genre in GENRES if any(cost.genre == genre for cost in found)]
    levels: dict[Threshold, dict[Genre, Cost]] = {}
    for cost in found:
        levels.setdefault(cost.threshold, {})[cost.genre] = cost
    table = Table(
        title="harmless texts held, of 1,000 (95 % interval)", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for heading in ("category", "level", *genres, "bad texts found"):
        table.add_column(heading)
    for level, by_genre in levels.items():
        held = [_per_thousand(by_genre[genre]) if genre in by_genre else "" for genre in genres]
        share = next(iter(by_genre.values())).found
        table.add_row(level.category, level.level, *held, "-" if share is None else f"{share:.0%}")
    out.print(table)


def _per_thousand(cost: Cost) -> str:
    return f"{1000 * cost.held:.1f} ({1000 * cost.least:.1f}-{1000 * cost.most:.1f})"


def try_(args: argparse.Namespace) -> None:
    """Run `policy try`."""
    from screening.policy import compare, replay  # here for the same reason

    policy, _ = _load(args)
    people = Counter[str]()

    def stored() -> Iterator[Verdict]:
        for verdict, person in ResultTables(place(args.results)).newest_verdicts():
            if person:
                people.update(decided=1, before=int(verdict.decision == person))
                people.update(after=int(replay(policy, verdict).decision == person))
            yield verdict

    found = compare(policy, stored(), keep=args.limit)
    out = console()
    out.print(_counts(found.counts))
    for change in found.changed:
        why = ", ".join(change.ruling.reasons)
        line = f"{change.decision} -> {change.ruling.decision}  {change.uri}  {why}"
        out.print(visible(line.rstrip()), soft_wrap=True)
    changed = sum(count for (old, new), count in found.counts.items() if old != new)
    out.print(f"{changed} of {found.total} verdicts would change", soft_wrap=True)
    if found.needs_screening:
        out.print(f"{found.needs_screening} lack a signal that this policy needs: screen them again", soft_wrap=True)
    if people["decided"]:
        agree = f"who agree with {people['before']} stored verdicts and with {people['after']} of this policy's"
        out.print(f"{people['decided']} were decided by people, {agree}", soft_wrap=True)


def _counts(counts: Mapping[tuple[Decision, Decision], int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("stored verdict")
    for decision in DECISIONS:
        table.add_column(f"now {decision}", justify="right")
    for stored in DECISIONS:
        cells = [str(counts.get((stored, decision), 0)) for decision in DECISIONS]
        table.add_row(Text(stored, style=COLOURS[stored]), *cells)
    return table
