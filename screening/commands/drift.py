"""`screening drift`: have uploads, or their scores, moved away from those of a reference run?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from screening.commands.common import add_results, console, place
from screening.drift.measure import ROWS, Drift, Shift, TooFew, drift
from screening.errors import ConfigError
from screening.report.text import visible
from screening.tables import ResultTables

BOUND = 0.2  # by convention the PSI of a large shift (Siddiqi 2006)


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "drift",
        help="compare a run's scores, decisions and reasons with another run's",
        description="Compares the distributions of a run's scores, decisions and reasons with a reference run's, by "
        "the population stability index (PSI). The exit code is 1 if one is past the bound by more than noise "
        "explains (the lower end of its interval is past it), 0 if none is, and 2 if there is nothing to compare.",
    )
    add_results(parser)
    parser.add_argument(
        "--run",
        "--run-id",
        dest="run_id",
        default="",
        metavar="RUN",
        help="the run to look at (default: the newest that decided something)",
    )
    parser.add_argument(
        "--reference",
        default="",
        metavar="RUN",
        help="the run to compare with (default: the newest before it on the same input, with the same bundles)",
    )
    parser.add_argument("--bound", type=float, default=BOUND, help=f"the PSI that is too much (default: {BOUND})")
    parser.add_argument("--by", choices=("source", "language"), default="", help="also compare each one alone")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, for programs")
    parser.add_argument("--limit", type=int, default=20, help="most rows to show; 0 means no limit (default: 20)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; return 1 if something moved past the bound."""
    if not args.bound > 0:
        raise ConfigError(f"--bound {args.bound} is not usable", fix="use a number above 0, for example 0.2")
    found = drift(ResultTables(place(args.results)), args.run_id, args.reference, args.by)
    past = found.past(args.bound)
    if args.json:
        json.dump(_json(found, args.bound), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        _print(console(), found, args)
    return int(bool(past))


def _json(found: Drift, bound: float) -> dict[str, Any]:
    return {
        "run": found.run.run_id,
        "reference": found.reference.run_id,
        "bound": bound,
        "differs": found.differs,
        "groups_left": found.groups_left,
        "drifted": bool(found.past(bound)),
        "shifts": [asdict(shift) | {"past": shift.interval.low > bound} for shift in found.shifts],
        "too_few": [asdict(each) for each in found.too_few],
    }


def _print(out: Console, found: Drift, args: argparse.Namespace) -> None:
    shown = found.shifts[: args.limit or None]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (args.by or "", "distribution", "psi", "interval", "moved most", "reference", "run", "rows"):
        number = heading in ("psi", "reference", "run", "rows")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    for shift in shown:
        before, now = (f"{share:.1%}" for share in shift.shares)
        table.add_row(
            Text(visible(shift.group or "all")),
            Text(visible(_name(shift))),
            Text(f"{shift.psi:.3f}", style="red" if shift.interval.low > args.bound else ""),
            f"{shift.interval.low:.3f} to {shift.interval.high:.3f}",
            Text(visible(shift.most)),
            before,
            now,
            " / ".join(map(str, shift.rows)),
        )
    if shown:
        out.print(table)
    if left := len(found.shifts) - len(shown):
        out.print(f"{left} more distributions moved less; --limit 0 shows all")
    why = "given by --reference" if args.reference else "the newest before it on the same input, with the same bundles"
    out.print(f"run {visible(found.run.run_id)} against {visible(found.reference.run_id)} ({why})", soft_wrap=True)
    if found.differs:
        out.print(f"the runs differ in these, which may explain it: {', '.join(found.differs)}", soft_wrap=True)
    if found.too_few:
        out.print(f"{len(found.too_few)} not compared, since they have fewer than {ROWS} rows or few outside one bin: "
                  f"{visible(_some(found.too_few, args.by))}", soft_wrap=True)  # fmt: skip
    if found.groups_left:
        out.print(f"not compared: the {found.groups_left} {args.by}s with the fewest uploads")
    past = len(found.past(args.bound))
    out.print(f"{past} of {len(found.shifts)} distributions moved past {args.bound:g} by more than noise explains")


def _name(each: Shift | TooFew) -> str:
    return f"{each.label} ({each.source})" if each.kind == "score" else each.kind


def _some(few: Sequence[TooFew], by: str) -> str:
    names = [f"{each.group}: {_name(each)}" if by and each.group else _name(each) for each in few]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
