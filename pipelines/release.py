"""The other half: committed verdicts in, objects released or held. `screening release --help` lists the flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations

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

NAMED = 20  # failed acts that are named at the end


def build(pipeline: beam.Pipeline, job: ReleaseJob) -> None:
    """The job as its data flow: each chunk of acts is done, then recorded in one commit."""
    _ = (
        pipeline
        | "Results" >> beam.Create([job.results])
        | "Pending acts" >> beam.par_do(PendingActs(job))
        | "Spread over workers" >> beam.Reshuffle()
        | "Act and record" >> beam.par_do(DoActs(job))
    )


def arguments() -> argparse.ArgumentParser:
    """The job's own flags."""
    parser = flags.parser("screening release", "Release what was accepted, quarantine what was rejected.")
    parser.add_argument("--results", required=True, help="folder or gs:// prefix of the result tables")
    parser.add_argument("--live", default="", help="where accepted objects are copied to")
    parser.add_argument("--quarantine", default="", help="where rejected objects are copied to")
    parser.add_argument(
        "--mode",
        default="copy",
        choices=("copy", "label", "withdraw"),
        help="label stamps the verdict and moves nothing; withdraw takes from live what is not accepted any more",
    )
    flags.switch(parser, "--plan", help="stop after the plan")
    parser.add_argument(
        "--moved",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="an input that has another path now: its uploads keep their places in live; may be given more than once",
    )
    parser.add_argument("--policy", default=SHIPPED_POLICY, help="policy file whose quota applies")
    parser.add_argument("--bundles", default=SHIPPED_BUNDLES, help="the bundles that the policy speaks of")
    watchdog.flag(parser)
    return parser


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str], argparse.ArgumentParser]:
    """The job's own flags, the rest, and the parser they came from; ConfigError where one is missing."""
    parser = arguments()
    own, rest = parser.parse_known_args(argv)
    if own.mode == "copy" and not (own.live and own.quarantine):
        raise ConfigError("--live and --quarantine are needed", fix="or use --mode=label, which moves nothing")
    return own, rest, parser


def run(argv: Sequence[str]) -> int:
    """Show the plan, hold it against the quota, do it; ScreeningError when it is refused or an act failed."""
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
    tables.connection()  # there are some
    moves = moved(tables, own.moved)
    check_places(tables, own.mode, targets, moves)
    counted = _planned(tables, own.mode, quota, moves)
    console = Console()
    console.print(plan_table(counted, own.mode, live, quarantine))
    # A template's launch fails where it leaves no job, so one with nothing to do is launched, and does nothing.
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
        console.print("handed over to Dataflow; `releases` says what was done")
        return 0
    _tell_what_was_done(tables, release_id, console)
    return 0


def _tell_what_was_done(tables: ResultTables, release_id: str, console: Console) -> None:
    connection = tables.connection()
    said = "SELECT action, count(*) FROM releases WHERE release_id = ? GROUP BY action"
    acts = dict(connection.execute(said, [release_id]).fetchall())
    done = ", ".join(f"{count} {action}" for action, count in sorted(acts.items()))
    console.print(done or "nothing was left to do: another release has done it meanwhile")
    if failed := acts.get("failed"):
        named = connection.execute(
            "SELECT uri, detail FROM releases WHERE release_id = ? AND action = 'failed' ORDER BY uri LIMIT ?",
            [release_id, NAMED],
        ).fetchall()
        lines = [f"\n  {visible(uri)}: {visible(detail)}" for uri, detail in named]
        more = f"\n  and {failed - len(lines)} more, in `releases`" if failed > len(lines) else ""
        raise ScreeningError(
            f"{failed} acts failed and stay pending:{''.join(lines)}{more}\n  mend what is said, then run the same "
            "command again"
        )


def _planned(tables: ResultTables, mode: str, quota: Quota, moves: Moved) -> dict[str, int]:
    """The plan, told to who watches. It reads `verdicts` and `runs` as they are: release may not write them, so a run
    whose committer died before its ledger row waits for the next `screen`.
    """
    try:
        counted = plan(tables, mode, quota, moves)
    except QuotaExceeded:
        tell("refused")
        raise
    tell("planned", accept=counted.get("accept", 0), reject=counted.get("reject", 0), review=backlog(tables))
    return counted


def main(argv: Sequence[str] | None = None) -> int:
    """The command: 0 done, 2 refused, could not start or left acts undone."""
    return flags.command("screening release", run, argv)


if __name__ == "__main__":
    sys.exit(main())
