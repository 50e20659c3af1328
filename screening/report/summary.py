"""The few lines at the end of a run."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from screening.records import DECISIONS, Run
from screening.report.text import visible

COLOURS = {"accept": "green", "review": "yellow", "reject": "red", "error": "magenta"}


def summary_table(run: Run) -> Table:
    """The run's decisions with their shares, and the ledger equation below them."""
    decided = run.listed - run.skipped
    seconds = (run.committed_at - run.started_at).total_seconds()
    ledger = f"{run.listed} listed - {run.skipped} skipped = {decided} decided, in {seconds:.1f} s"
    table = Table(
        title=Text(f"run {visible(run.run_id)}"),
        caption=Text(ledger),
        min_width=len(ledger),
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
