"""`screening explain`: why an upload got its verdict, and what has happened to it since."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from screening.commands.common import add_results, console, place
from screening.commands.text import print_text, text_rows
from screening.content.kinds import KINDS
from screening.policy import Facts, Policy
from screening.policy.decide import concerns, crossed, crosses
from screening.records import Evidence, Threshold, Verdict
from screening.report.summary import COLOURS
from screening.report.text import visible
from screening.reread import reread
from screening.reviews import Explanation, explain
from screening.tables import ResultTables


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "explain",
        help="show why an upload got its verdict",
        description="Shows an upload's reasons, its scores against thresholds, evidence, fingerprint, people's "
        "decisions, and what has happened to the object since.",
    )
    parser.add_argument("uri", help="URI or path of the upload, or its name below the input")
    add_results(parser)
    parser.add_argument(
        "--text",
        action="store_true",
        help="also decode the upload again, and show the text of its parts, with what the findings point at in ⟦ ⟧",
    )
    parser.add_argument(
        "--policy",
        default="",
        help="policy file whose statement-of-reasons codes are shown, and by whose limits --text decodes",
    )
    parser.add_argument("--bundles", default="", help="folder of the policy's bundles (default: those that ship)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, or json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    tables = ResultTables(place(args.results))
    policy = _policy(args.policy, args.bundles) if args.policy or args.text else None
    found = explain(tables, args.uri, policy.statement_codes if policy and args.policy else {})
    again = reread(found.verdict, policy) if policy and args.text else None
    if args.format == "json":
        said = asdict(found) | ({"text": text_rows(again)} if again else {})
        json.dump(said, sys.stdout, default=datetime.isoformat, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return
    _print(console(), found)
    if again:
        print_text(console(), again)


def _policy(policy: str, bundles: str) -> Policy:
    # Imported here, since only some flags need the bundles, which load slowly.
    from screening.classifiers import find_bundles
    from screening.policy import load_policy
    from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY

    return load_policy(place(policy or SHIPPED_POLICY), find_bundles(place(bundles or SHIPPED_BUNDLES)))


def _print(out: Console, found: Explanation) -> None:
    verdict = found.verdict
    out.print(Text.assemble((visible(verdict.uri), "bold")))
    _line(out, "decision", found.decision, COLOURS[found.decision])
    if found.decided_by == "reviewer":
        _line(out, "", f"by a reviewer; the machine said {verdict.decision}")
    _line(out, "reasons", ", ".join(verdict.reasons) or "none")
    _line(out, "detail", verdict.detail)
    for category in dict.fromkeys(threshold.category for threshold in verdict.thresholds):
        found_by = [each for each in verdict.thresholds if each.category == category and _crossed(verdict, each)]
        if found_by and category in found.statements:
            _line(out, "statement", f"{category}: {found.statements[category]}")
    _line(out, "genre", verdict.genre or "")
    _line(out, "type", f"{verdict.content_type or 'not known'}, {verdict.size} bytes, sha256 {verdict.sha256 or '-'}")
    claimed = ", ".join(f"{key}={value}" for key, value in sorted(verdict.metadata.items()))
    _line(out, "metadata", claimed)
    _line(out, "screened", f"{_utc(verdict.screened_at)} in {verdict.seconds:.3f} s, run {verdict.run_id}")
    _line(out, "generation", str(verdict.generation))
    _line(out, "since", found.since)
    _line(out, "parts", ", ".join(f"{part.place} ({part.size} {KINDS[part.kind].unit})" for part in verdict.parts))
    for missed in verdict.not_looked_at:
        _line(out, "not looked at", f"{missed.count} × {missed.what}: {missed.why}")
    if verdict.signals:
        out.print(_scores(verdict))
    made_by = verdict.fingerprint
    _line(out, "fingerprint", made_by.digest)
    _line(out, "  decoder", made_by.decoder)
    _line(out, "  engine", made_by.engine)
    for bundle in made_by.bundles:
        _line(out, "  bundle", f"{bundle.name} {bundle.version} {bundle.digest}")
    _line(out, "  banks", made_by.banks)
    _line(out, "  policy", made_by.policy)
    for review in found.reviews:
        on = f"run {review.run_id}, generation {review.generation}"
        _line(
            out, "review", f"{_utc(review.reviewed_at)} {review.decision} by {review.reviewer} ({on}): {review.reason}"
        )
    for release in found.releases:
        _line(
            out, "release", f"{_utc(release.released_at)} {release.action} {release.target} {release.detail}".rstrip()
        )
    for old in found.earlier:
        why = f" ({', '.join(old.reasons)})" if old.reasons else ""
        _line(
            out,
            "earlier",
            f"{_utc(old.screened_at)} {old.decision}{why}, run {old.run_id}, generation {old.generation}",
        )


def _scores(verdict: Verdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("label")
    for heading in ("score", "review", "reject"):
        table.add_column(heading, justify="right")
    table.add_column("crosses")
    table.add_column("evidence", overflow="fold")
    table.add_column("source", overflow="fold")
    facts = Facts.of(verdict)
    for signal in verdict.signals:
        levels = [each for each in verdict.thresholds if concerns(signal, each, facts)]
        worst = [
            level for level in ("reject", "review") if any(crosses(signal.score, t) for t in levels if t.level == level)
        ]
        table.add_row(
            Text(visible(signal.label)),
            f"{signal.score:.4g}",
            *(_level(levels, level) for level in ("review", "reject")),
            Text(worst[0], style=COLOURS[worst[0]]) if worst else "",
            Text(visible(_evidence(signal.evidence))),
            Text(visible(signal.source)),
        )
    return table


def _level(thresholds: list[Threshold], level: str) -> str:
    signs = {"high": "≥", "low": "≤"}
    return ", ".join(f"{signs[each.worse]} {each.score:.4g}" for each in thresholds if each.level == level) or "-"


def _crossed(verdict: Verdict, threshold: Threshold) -> bool:
    return any(crossed(each, threshold, Facts.of(verdict)) for each in verdict.signals)


def _evidence(evidence: Evidence) -> str:
    parts = [evidence.part] if evidence.part not in ("", "main") else []
    parts += [] if evidence.window is None else [f"window {evidence.window}"]
    if evidence.start is not None and evidence.end is not None:
        parts.append(f"characters {evidence.start}-{evidence.end}")
    return ", ".join([*parts, *([evidence.note] if evidence.note else [])])


def _line(out: Console, name: str, value: str, style: str = "") -> None:
    if value:
        out.print(Text.assemble((f"{name:<12} ", "dim"), (visible(value), style)), soft_wrap=True)


def _utc(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
