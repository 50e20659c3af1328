"""Inputs that have another path by now: what was uploaded there is the same upload, with the same place in live."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pipelines.listing.source import is_folder
from screening.errors import ConfigError
from screening.storage import local_path, place
from screening.tables import ResultTables

# Pairs of folders or prefixes, each with a slash at its end: the old one, the new one.
Moved = tuple[tuple[str, str], ...]


def moved(tables: ResultTables, given: Sequence[str]) -> Moved:
    """What a person says, each `OLD=NEW`, and the inputs that earlier versions named through a link.

    ConfigError for what says no such thing.
    """
    pairs = dict(map(_pair, given))
    for source in {run.input for run in tables.runs()}:
        real = source if source.startswith("gs://") or not is_folder(source) else os.path.realpath(source)
        if real != source:
            pairs.setdefault(f"{source}/", f"{real}/")
    return tuple(sorted(pairs.items()))


def _pair(said: str) -> tuple[str, str]:
    old, equals, new = said.partition("=")
    if not (old and equals and new):
        raise ConfigError(f"--moved {said!r}", fix="write --moved OLD=NEW, the input's path then and now")
    then = old.rstrip("/") if old.startswith("gs://") else os.path.abspath(os.path.expanduser(local_path(old)))
    return f"{then}/", f"{place(new)}/"


def uri_now(moves: Moved, uri: str) -> str:
    """SQL for the URI of today of a column of URIs."""
    cases = "".join(
        f" WHEN starts_with({uri}, {_quoted(old)}) THEN {_quoted(new)} || substr({uri}, {len(old) + 1})"
        for old, new in moves
    )
    return f"CASE{cases} ELSE {uri} END" if moves else uri


def stays(moves: Moved, uri: str) -> str:
    """SQL for whether a column of URIs has one of today: what was uploaded under an old one is not acted on."""
    return " AND ".join(f"NOT starts_with({uri}, {_quoted(old)})" for old, _ in moves) or "true"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
