"""`screening results`: show what the runs decided, as a table or as the answer to a query in SQL."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import duckdb
import pyarrow as pa

from screening.commands.common import add_results, place
from screening.commands.output import FORMATS, show
from screening.errors import ConfigError
from screening.tables import ResultTables
from screening.tables.scan import clearly
from screening.tables.views import query

_VERDICTS = """
SELECT name, decision, array_to_string(reasons, ', ') AS reasons, content_type, size, round(seconds, 3) AS seconds
FROM verdicts WHERE run_id = ? ORDER BY uri
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "results",
        help="show what the runs decided",
        description="Shows the latest run's verdicts, or the answer to --sql. Tables and views: verdicts, signals, "
        "effective_verdicts (the newest verdict on each upload, a person's decision above it), runs, run_summary, "
        "reviews, releases.",
    )
    add_results(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--sql", help="one SELECT in DuckDB's SQL; it can't change anything")
    which.add_argument("--run-id", default="", help="show the verdicts of this run (default: the latest)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="how rows are printed (default: table)")
    parser.add_argument("--limit", type=int, default=200, help="most rows in a table; 0 means no limit (default: 200)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    tables = ResultTables(place(args.results))
    connection = tables.connection()
    if args.sql is not None:
        answer = query(connection, args.sql)
    else:
        answer = query(connection, _VERDICTS, [_chosen(tables, args.run_id)])
    try:
        with clearly():
            show(answer.to_arrow_reader(), args.format, args.limit)
    except (duckdb.Error, pa.ArrowException, OverflowError, ValueError) as error:  # also values that Python can't hold
        raise ConfigError(f"the query failed while its rows were read: {error}") from error


def _chosen(tables: ResultTables, run_id: str) -> str:
    runs = tables.runs()
    if run_id:
        if run_id not in {run.run_id for run in runs}:
            raise ConfigError(f"run {run_id} is not committed under {tables.uri}")
        return run_id
    if not runs:
        raise ConfigError(f"no committed run under {tables.uri}", fix="screen something first")
    latest = runs[-1]
    decided = [run for run in runs if run.listed > run.skipped]
    if decided and decided[-1] != latest:
        print(f"run {latest.run_id} found nothing new; these are the verdicts of {decided[-1].run_id}", file=sys.stderr)
        latest = decided[-1]
    return latest.run_id
