"""The main job: it screens uploads and commits their verdicts. `screening screen --help` lists its flags."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime

from rich.console import Console

from pipelines import beam
from pipelines.job import DIGESTS, PARTS, PIECES, REPEATS, TALLIES, Job
from pipelines.launch import dataflow, watchdog
from pipelines.launch import options as flags
from pipelines.launch.progress import progress_bar
from pipelines.listing.since import resolve
from pipelines.pieces import CutUp, FindRepeats, Split
from pipelines.steps import CommitRun, ScreenUploads, WriteReport
from pipelines.worker import checked_decoder
from screening.commands.common import engine_flags, sandbox_flag
from screening.errors import ScreeningError
from screening.report import summary_table, write_report
from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY, load_settings
from screening.tables import ResultTables


def build(pipeline: beam.Pipeline, job: Job) -> None:
    """Build the job as its data flow, which ends with one commit inside the pipeline."""
    whole = pipeline | "Input" >> beam.Create([job.source])
    coarse = whole | "Split" >> beam.par_do_tagged(Split(job), TALLIES, main=PIECES)
    fine = (
        coarse[PIECES]
        | "Spread over workers: shards" >> beam.GroupByKey()
        | "Split again" >> beam.par_do_tagged(Split(job), TALLIES, main=PIECES)
    )
    cut = (
        fine[PIECES]
        | "Spread over workers: smaller shards" >> beam.GroupByKey()
        | "Cut" >> beam.par_do_tagged(CutUp(job), TALLIES, DIGESTS, main=PIECES)
    )
    again = (
        cut[DIGESTS]
        | "Spread over workers: digests" >> beam.GroupByKey()
        | "Find repeats" >> beam.par_do(FindRepeats())
    )
    screening = beam.par_do_tagged(ScreenUploads(job), TALLIES, main=PARTS, accelerator=job.accelerator)
    parts = (
        {PIECES: cut[PIECES], REPEATS: again}
        | "Spread over workers" >> beam.CoGroupByKey()
        | "Read, decode, match, check, classify, decide, write" >> screening
    )
    tallies = (coarse[TALLIES], fine[TALLIES], cut[TALLIES], parts[TALLIES]) | "Tallies" >> beam.Flatten()
    committed = (
        pipeline
        | "Run" >> beam.Create([job.run_id])
        | "Commit" >> beam.par_do(CommitRun(job), beam.AsList(parts[PARTS]), beam.AsList(tallies))
    )
    if job.unattended:
        _ = committed | "Report" >> beam.par_do(WriteReport(job))


def arguments() -> argparse.ArgumentParser:
    """Return a parser of the job's own flags."""
    parser = flags.parser("screening screen", "Screen uploads and commit their verdicts.")
    parser.add_argument(
        "--input", required=True, help="folder, gs://bucket/prefix, manifest (.jsonl, .parquet) or inventory (.json)"
    )
    parser.add_argument("--results", required=True, help="folder or gs:// prefix of the result tables")
    parser.add_argument("--policy", default=SHIPPED_POLICY, help="policy file")
    parser.add_argument("--bundles", default=SHIPPED_BUNDLES, help="folder or gs:// prefix of model bundles")
    parser.add_argument(
        "--run-id", "--run_id", default="", help="id of the run; an id that is already committed is not run again"
    )
    parser.add_argument(
        "--since",
        default="",
        help="screen only what is newer than a time (2026-11-25T00:00:00Z), or with last-run, than the last such run",
    )
    engine_flags(parser)
    sandbox_flag(parser)
    parser.add_argument(
        "--cores", type=int, default=0, help="CPU cores for each worker process; 0: all, divided among local processes"
    )
    parser.add_argument(
        "--accelerator",
        default="",
        help=f"GPU for the step that classifies, on Dataflow; for example {dataflow.EXAMPLE}",
    )
    watchdog.flag(parser)
    flags.switch(
        parser,
        "--reuse-scores",
        help="reuse the scores of bytes that a committed run scored with the same decoder, engine and bundles. Each "
        "worker process first reads the digests of up to 10 million verdicts, and keeps 80 MB of them in memory",
    )
    return parser


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str], argparse.ArgumentParser]:
    """Return the job's own flags, all other arguments, and the parser."""
    parser = arguments()
    own, rest = parser.parse_known_args(argv)
    return own, rest, parser


def run(argv: Sequence[str]) -> int:
    """Run the job and show its summary. Raises ScreeningError if the job can't start or does not commit."""
    own, rest, parser = parse(argv)
    beam_options = flags.beam_options(rest, parser)
    source, results = flags.named_place(own.input), flags.named_place(own.results)
    flags.apart("--results", results, "--input", source)
    bundles = flags.named_place(own.bundles)
    dataflow.check(
        beam_options,
        {"--input": source, "--results": results},
        bundles=bundles,
        engine=own.engine,
        precision=own.precision,
        accelerator=own.accelerator,
    )
    dataflow.settle(beam_options)
    cores = flags.cores(own.cores, beam_options)
    here = not dataflow.is_chosen(beam_options)
    settings = load_settings(flags.named_place(own.policy), (bundles,), own.engine, own.precision, here=here)
    dataflow.check_banks(beam_options, settings)
    run_id = flags.run_id(own.run_id)
    tables = ResultTables(results)
    tables.heal()
    if tables.run(run_id) is None:
        signs = watchdog.signs(beam_options, results, run_id)
        with progress_bar(flags.is_local(beam_options)) as progress:
            job = Job(
                run_id,
                source,
                results,
                datetime.now(UTC),
                settings,
                progress,
                cores=cores,
                reuse=own.reuse_scores,
                accelerator=own.accelerator,
                unattended=dataflow.is_handed_over(beam_options),
                since=resolve(own.since, tables, source, settings.fingerprint.digest),
                signs=signs,
                sandbox=own.sandbox,
            )
            with (
                # before anything is listed; workers elsewhere check when they start
                checked_decoder(job) if flags.is_local(beam_options) else nullcontext(),
                watchdog.running(beam_options, signs, own.stall_timeout) as pipeline,
            ):
                build(pipeline, job)
    else:
        print(f"run {run_id} is already committed; nothing to do", file=sys.stderr)
    committed = tables.run(run_id)
    if committed is None and dataflow.is_handed_over(beam_options):
        print(f"run {run_id} is handed over to Dataflow; its verdicts count once it has committed")
        return 0
    if committed is None:
        raise ScreeningError(f"run {run_id} did not commit; nothing will be released. Run the same command again")
    Console().print(summary_table(committed))
    print(f"report: {write_report(tables, run_id)}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 if the run is committed, 2 if it did not start or did not commit."""
    return flags.command("screening screen", run, argv)


if __name__ == "__main__":
    sys.exit(main())
