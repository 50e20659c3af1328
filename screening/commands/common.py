"""What the commands share: the `--results` flag, places, the newest verdict on an upload, a console."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from screening.decode import SANDBOXES
from screening.errors import ConfigError, ScreeningError
from screening.hardware import ENGINES, PRECISIONS
from screening.records import Verdict
from screening.storage import place
from screening.tables import ResultTables
from screening.tables.delta import absolute

_NO_LIMIT = 100_000  # columns, where no terminal sets a width: lines are never broken in a pipe


__all__ = ["UnknownUpload", "add_results", "console", "engine_flags", "place", "sandbox_flag", "verdicts_on"]


class UnknownUpload(ScreeningError):
    """Nothing committed speaks of the upload that a person named."""


def add_results(parser: argparse.ArgumentParser) -> None:
    """The flag for the result tables; $SCREENING_RESULTS is its default, else the folder `results`."""
    parser.add_argument(
        "--results",
        default=os.environ.get("SCREENING_RESULTS", "results"),
        metavar="DIR",
        help="folder or gs:// prefix of the result tables (default: $SCREENING_RESULTS, else ./results)",
    )


def console() -> Console:
    """Standard output; as wide as the lines are where it is no terminal, and never reading names as markup."""
    width = None if sys.stdout.isatty() else _NO_LIMIT
    return Console(highlight=False, markup=False, emoji=False, width=width)


def verdicts_on(tables: ResultTables, upload: str) -> list[Verdict]:
    """The committed verdicts on an upload, the newest first; `upload` is its URI, a path, or its name below
    the input if only one has that name. Raises UnknownUpload when there are none.
    """
    connection = tables.connection()
    for uri in _uris(upload):
        if found := tables.verdicts(uri):
            return found
    named = connection.execute("SELECT DISTINCT uri FROM verdicts WHERE name = ? ORDER BY uri LIMIT 3", [upload])
    uris: list[str] = [uri for (uri,) in named.fetchall()]
    if len(uris) > 1:
        raise UnknownUpload(f"several uploads are named {upload!r}; give the whole URI, for example {uris[0]}")
    if not uris:
        raise UnknownUpload(f"no committed verdict on {_uris(upload)[0]} under {tables.uri}")
    return tables.verdicts(uris[0])


def _uris(upload: str) -> list[str]:
    """What an upload's URI may be: its real path, or the path as it is written, as earlier versions stored it."""
    try:
        return [place(upload), absolute(upload)]
    except ConfigError:  # a name below the input may begin like a scheme
        return [absolute(upload)]


def engine_flags(parser: argparse.ArgumentParser) -> None:
    """Adds what runs the models, and how exactly."""
    parser.add_argument("--engine", default="auto", choices=ENGINES, help="what runs the models")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help="their numbers; int8 is never auto")


def sandbox_flag(parser: argparse.ArgumentParser) -> None:
    """Adds what must hold the decoders of untrusted bytes."""
    parser.add_argument(
        "--sandbox",
        default="auto",
        choices=SANDBOXES,
        help="walls around the decoders: auto takes those that the kernel allows, require stops where one is missing",
    )
