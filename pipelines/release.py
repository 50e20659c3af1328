"""The job that releases or holds objects by their committed verdicts. `screening release --help` lists its flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations

import duckdb
from rich.console import Console

from pipelines import beam
from pipelines.acts import DoActs, PendingActs, ReleaseJob
from pipelines.launch import dataflow, watchdog
from pipelines.launch import options as flags
from pipelines.launch.logs import tell
from pipelines.moved import Moved, moved
from pipelines.plan import QuotaExceeded, backlog, check_places, plan, plan_table
from screening.classifiers import find_bundles
from screening.errors import ConfigError, ScreeningError
from screening.policy import Quota, load_policy
from screening.report.text import visible
from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY
from screening.tables import ResultTables

NAMED = 20  # failed acts that are listed at the end


def build(pipeline: beam.Pipeline, job: ReleaseJob) -> None:
    """Build the job as its data flow: each chunk of acts is done, then recorded in one commit."""
    _ = (
        pipeline
        | "Results" >> beam.Create([job.results])
        | "Pending acts" >> beam.par_do(PendingActs(job))
        | "Spread over workers" >> beam.Reshuffle()
        | "Act and record" >> beam.par_do(DoActs(job))
    )


def arguments() -> argparse.ArgumentParser:
    """Return a parser of the job's own flags."""
    parser = flags.parser("screening release", "Release what was accepted, quarantine what was rejected.")
    parser.add_argument("--results", required=True, help="folder or gs:// prefix of the result tables")
    parser.add_argument("--live", default="", help="where accepted objects are copied to")
    parser.add_argument("--quarantine", default="", help="where rejected objects are copied to")
    parser.add_argument(
        "--mode",
        default="copy",
        choices=("copy", "label", "withdraw"),
        help="copy objects, label them in place with their verdicts, or withdraw what is no longer accepted from live",
    )
    flags.switch(parser, "--plan", help="show the plan and do nothing")
    parser.add_argument(
        "--moved",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="an input that was moved: its uploads keep their places in live; can be repeated",
    )
    parser.add_argument("--policy", default=SHIPPED_POLICY, help="the policy file whose quota applies")
    parser.add_argument("--bundles", default=SHIPPED_BUNDLES, help="the bundles that the policy refers to")
    watchdog.flag(parser)
    return parser


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str], argparse.ArgumentParser]:
    """Return the job's own flags, all other arguments, and the parser. Raises ConfigError if a flag is missing."""
    parser = arguments()
    own, rest = parser.parse_known_args(argv)
    if own.mode == "copy" and not (own.live and own.quarantine):
        raise ConfigError(
            "--live and --quarantine are needed", fix="give both, or use --mode=label, which copies nothing"
        )
    return own, rest, parser


def run(argv: Sequence[str]) -> int:
    """Plan the release, check it against the quota and do it. Raises ScreeningError if refused or if an act fails."""
    own, rest, parser = parse(argv)
    beam_options = flags.beam_options(rest, parser)
    results = flags.named_place(own.results)
    live, quarantine = (
        (flags.named_place(own.live), flags.named_place(own.quarantine)) if own.mode == "copy" else ("", "")
    )
    targets = {"--live": live, "--quarantine": quarantine} if own.mode == "copy" else {}
    places = {"--results": results, **targets}
    for (flag, place), (other, there) in combinations(places.items(), 2):
        flags.apart(flag, place, other, there)
    dataflow.check(beam_options, places)
    dataflow.settle(beam_options)
    quota = load_policy(flags.named_place(own.policy), find_bundles(flags.named_place(own.bundles))).quota
    tables = ResultTables(results)
    connection = tables.connection()  # all planning reads the tables as they are now
    moves = moved(tables, own.moved)
    check_places(connection, own.mode, targets, moves)
    counted = _planned(connection, own.mode, quota, moves)
    console = Console()
    console.print(plan_table(counted, own.mode, live, quarantine))
    # A template's launch fails if it starts no job, so a job is started even if there is nothing to do.
    nothing = not sum(counted.values()) and not dataflow.is_handed_over(beam_options)
    if own.plan or nothing:
        console.print("nothing was done: --plan" if own.plan else "nothing to do")
        return 0
    release_id = flags.run_id("", "release-")
    signs = watchdog.signs(beam_options, results, release_id)
    job = ReleaseJob(release_id, results, own.mode, live, quarantine, signs, moves)
    with watchdog.running(beam_options, signs, own.stall_timeout) as pipeline:
        build(pipeline, job)
    if dataflow.is_handed_over(beam_options):
        console.print("handed over to Dataflow; the table `releases` will show what was done")
        return 0
    _tell_what_was_done(tables, release_id, console)
    return 0


def _tell_what_was_done(tables: ResultTables, release_id: str, console: Console) -> None:
    connection = tables.connection()
    said = "SELECT action, count(*) FROM releases WHERE release_id = ? GROUP BY action"
    acts = dict(connection.execute(said, [release_id]).fetchall())
    done = ", ".join(f"{count} {action}" for action, count in sorted(acts.items()))
    console.print(done or "nothing was left to do: another release did it in the meantime")
    if failed := acts.get("failed"):
        named = connection.execute(
            "SELECT uri, detail FROM releases WHERE release_id = ? AND action = 'failed' ORDER BY uri LIMIT ?",
            [release_id, NAMED],
        ).fetchall()
        lines = [f"\n  {visible(uri)}: {visible(detail)}" for uri, detail in named]
        more = f"\n  and {failed - len(lines)} more, in `releases`" if failed > len(lines) else ""
        raise ScreeningError(
            f"{failed} acts failed and stay pending:{''.join(lines)}{more}\n  correct these, then run the same "
            "command again"
        )


def _planned(connection: duckdb.DuckDBPyConnection, mode: str, quota: Quota, moves: Moved) -> dict[str, int]:
    """Return the plan, and log it as an event.

    `verdicts` and `runs` are read as they are, since release may not write them: a run whose committer died before it
    wrote its row in the ledger waits for the next `screen`.
    """
    try:
        counted = plan(connection, mode, quota, moves)
    except QuotaExceeded:
        tell("refused")
        raise
    tell("planned", accept=counted.get("accept", 0), reject=counted.get("reject", 0), review=backlog(connection))
    return counted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 if all is done, 2 if it was refused, did not start or acts failed."""
    return flags.command("screening release", run, argv)


if __name__ == "__main__":
    sys.exit(main())
