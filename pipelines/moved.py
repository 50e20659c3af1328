"""Inputs that were moved to another path. Their uploads stay the same uploads, and keep their places in live."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pipelines.listing.source import is_folder
from screening.errors import ConfigError
from screening.storage import local_path, place
from screening.tables import ResultTables

# Pairs of an old and a new folder or prefix, each with a slash at its end.
Moved = tuple[tuple[str, str], ...]


def moved(tables: ResultTables, given: Sequence[str]) -> Moved:
    """Return the moves that a person gives, each as `OLD=NEW`, and those of inputs that were recorded through a link.

    Only earlier versions recorded such inputs. Raises ConfigError for a move that is not written `OLD=NEW`.
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
        raise ConfigError(
            f"--moved {said!r} is not OLD=NEW", fix="write --moved OLD=NEW with the input's old and new path"
        )
    then = old.rstrip("/") if old.startswith("gs://") else os.path.abspath(os.path.expanduser(local_path(old)))
    return f"{then}/", f"{place(new)}/"


def uri_now(moves: Moved, uri: str) -> str:
    """Return SQL that turns a column of URIs into the URIs that its uploads have now."""
    cases = "".join(
        f" WHEN starts_with({uri}, {_quoted(old)}) THEN {_quoted(new)} || substr({uri}, {len(old) + 1})"
        for old, new in moves
    )
    return f"CASE{cases} ELSE {uri} END" if moves else uri


def stays(moves: Moved, uri: str) -> str:
    """Return SQL that is true if a column's URI is not below an old path: such uploads are not acted on."""
    return " AND ".join(f"NOT starts_with({uri}, {_quoted(old)})" for old, _ in moves) or "true"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
