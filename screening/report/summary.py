"""The summary that is printed at the end of a run."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from screening.errors import CIRCUMSTANCES
from screening.records import DECISIONS, Run
from screening.report.text import visible
from screening.report.work import work_of

COLOURS = {"accept": "green", "review": "yellow", "reject": "red", "error": "magenta"}


def summary_table(run: Run) -> Table:
    """Return a table of the run's decisions with their shares, and below it the ledger's sum and where time went."""
    decided = run.listed - run.skipped
    seconds = (run.committed_at - run.started_at).total_seconds()
    ledger = f"{run.listed} listed - {run.skipped} skipped = {decided} decided, in {seconds:.1f} s"
    held = [f"sandbox: {visible(run.sandbox)}"] if run.sandbox else []
    lines = [ledger, *_failed(run), *_work(run), *held]
    table = Table(
        title=Text(f"run {visible(run.run_id)}"),
        caption=Text("\n".join(lines)),
        min_width=max(map(len, lines)),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("decision")
    table.add_column("uploads", justify="right")
    table.add_column("share", justify="right")
    for decision in DECISIONS:
        count: int = getattr(run, decision)
        share = f"{count / decided:.1%}" if decided else "-"
        table.add_row(Text(decision, style=COLOURS[decision]), str(count), share)
    return table


def _failed(run: Run) -> list[str]:
    """Return lines about uploads that failed through no fault of their own, in earlier runs and in this one."""
    lines = []
    if again := run.metrics.get("tried_again", 0):
        lines.append(
            f"{again} of them were tried again: through no fault of theirs, an earlier run could not judge them"
        )
    if failed := {reason: count for reason in sorted(CIRCUMSTANCES) if (count := run.metrics.get(f"reason.{reason}"))}:
        said = ", ".join(f"{count} {reason}" for reason, count in failed.items())
        lines.append(
            f"not judged, through no fault of theirs: {said}; fix the cause, and the next run tries them again"
        )
    if "unreadable" in failed:
        lines.append("unreadable: access was denied; give the job's identity the right to read them")
    return lines


def _work(run: Run) -> list[str]:
    work = work_of(run)
    if work is None:
        return []
    steps = [f"{step.name} {step.share:.0%}" for step in work.steps if step.share >= 0.005]
    said = [f"{name} {value}" for name, value in work.facts]
    return [", ".join(said[:4]), ", ".join(said[4:]), f"time by step: {', '.join(steps)}"]
