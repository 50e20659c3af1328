"""Compare the distributions of a run's scores, decisions and reasons with those of a reference run.

DuckDB counts them; memory holds a sample of the reference's scores and the counts of the bins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import duckdb
import numpy as np

from screening.drift import queries
from screening.drift.psi import BINS, Counts, Interval, edges, interval, merge, psi
from screening.errors import ConfigError
from screening.records import Run
from screening.tables import ResultTables

ROWS = 50  # rows that a distribution needs in each run; with fewer, even a large shift may be noise
SAMPLE = 100_000  # uploads of the reference from which the edges of the bins are taken
GROUPS = 50  # sources or languages that are compared: those with the most uploads
DOUBT = 0.05  # the probability that any interval of a comparison is wrong, under the method's assumptions

By = Literal["", "source", "language"]
Kind = Literal["score", "decision", "reason"]


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one distribution moved. `group` is "" for all uploads; `rows` and `shares` are (reference's, run's).

    `most` names the bins that moved most, and `shares` is their share of the rows.
    """

    group: str
    kind: Kind
    source: str
    label: str
    rows: tuple[int, int]
    psi: float
    interval: Interval
    most: str
    shares: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TooFew:
    """A distribution that is not compared, because one of the runs has too few rows of it."""

    group: str
    kind: Kind
    source: str
    label: str
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Drift:
    """A comparison of two runs: `shifts`, the largest first, and the distributions with `too_few` rows to compare.

    `groups_left` is how many small groups were left out. `differs` names what else differs between the verdicts of the
    two runs: their decoder, engine, bundles, banks or policy.
    """

    run: Run
    reference: Run
    shifts: tuple[Shift, ...]
    too_few: tuple[TooFew, ...]
    groups_left: int
    differs: tuple[str, ...]

    def past(self, bound: float) -> list[Shift]:
        """Return the shifts that exceed `bound` by more than noise can explain."""
        return [shift for shift in self.shifts if shift.interval.low > bound]


@dataclass(frozen=True, slots=True)
class _Tally:
    """The rows of each bin in both runs; `bins` names a range of neighbouring bins."""

    key: tuple[str, Kind, str, str]
    reference: Counts
    current: Counts
    bins: Callable[[slice], str]

    @property
    def rows(self) -> tuple[int, int]:
        return int(self.reference.sum()), int(self.current.sum())

    def shift(self, doubt: float) -> Shift | None:
        """Return the shift, or None if only one bin has the rows that an interval needs, unless it has all rows."""
        merged = merge(self.reference, self.current)
        if len(merged) < 2:
            alone = np.count_nonzero(self.reference + self.current) == 1
            name = self.bins(merged[0])
            return Shift(*self.key, self.rows, 0.0, Interval(0.0, 0.0), name, (1.0, 1.0)) if alone else None
        before, now = (np.array([side[part].sum() for part in merged]) for side in (self.reference, self.current))
        found = psi(before, now)
        p, q = before / before.sum(), now / now.sum()
        most = int(np.abs(q - p).argmax())
        around = interval(found, self.rows, len(merged), doubt)
        return Shift(*self.key, self.rows, found, around, self.bins(merged[most]), (float(p[most]), float(q[most])))


def drift(tables: ResultTables, run_id: str = "", reference: str = "", by: By = "") -> Drift:
    """Compare a run (by default the newest that decided something) with a reference.

    By default the reference is the newest earlier run on the same input with the same bundles. `by` also compares each
    source or language. Raises ConfigError if there is no such run.
    """
    connection = tables.connection()
    runs = [run for run in tables.runs() if run.listed > run.skipped]
    if not runs:
        raise ConfigError(f"no run under {tables.uri} has decided anything", fix="screen something first")
    run = _named(runs, run_id) if run_id else runs[-1]
    made = _made_by(connection, run)
    before = _named(runs, reference) if reference else _before(connection, runs, run, made)
    if before.run_id == run.run_id:
        raise ConfigError(f"run {run.run_id} is its own reference", fix="give another with --reference")
    other = _made_by(connection, before)
    ask = _Asked(connection, run.run_id, before.run_id, by)
    groups = ask(queries.GROUPS)
    chosen = ["", *(group for group, _ in groups[:GROUPS])]
    tallies = [*_shares(ask, chosen), *_scores(ask, chosen, before.listed - before.skipped)]
    enough = [tally for tally in tallies if min(tally.rows) >= ROWS]
    shifts = [shift for tally in enough if (shift := tally.shift(DOUBT / len(enough)))]
    told = {(shift.group, shift.kind, shift.source, shift.label) for shift in shifts}
    return Drift(
        run=run,
        reference=before,
        shifts=tuple(sorted(shifts, key=lambda each: (-each.interval.low, -each.psi, each.group, each.label))),
        too_few=tuple(TooFew(*tally.key, tally.rows) for tally in tallies if tally.key not in told),
        groups_left=max(0, len(groups) - GROUPS),
        differs=tuple(name for name, value in made.items() if other[name] != value),
    )


def _named(runs: Sequence[Run], run_id: str) -> Run:
    for run in runs:
        if run.run_id == run_id:
            return run
    raise ConfigError(
        f"run {run_id} is not committed or decided nothing", fix='see: screening results --sql "FROM run_summary"'
    )


def _before(connection: duckdb.DuckDBPyConnection, runs: Sequence[Run], run: Run, made: Mapping[str, Any]) -> Run:
    for other in reversed(runs[: runs.index(run)]):
        if other.input == run.input and _made_by(connection, other)["bundles"] == made["bundles"]:
            return other
    raise ConfigError(
        f"no run before {run.run_id} decided anything on {run.input} with the same bundles",
        fix="give a run with --reference",
    )


def _made_by(connection: duckdb.DuckDBPyConnection, run: Run) -> dict[str, Any]:
    """Return what went into a run's verdicts."""
    made: dict[str, Any] = connection.execute(queries.MADE_BY, {"run": run.run_id}).fetchall()[0][0]
    return made


class _Asked:
    """Queries over the rows of both runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, run: str, reference: str, by: By) -> None:
        self._connection = connection
        self._named = {"run": run, "reference": reference, "by": by}
        for macro in (queries.COMPARED, queries.SCORES):
            connection.execute(macro)

    def __call__(self, query: str, **values: object) -> list[Any]:
        return self._connection.execute(query, {**self._named, **values}).fetchall()


def _shares(ask: _Asked, groups: Sequence[str]) -> Iterator[_Tally]:
    """Count the decisions and the main reasons of each group."""
    counted: dict[tuple[str, Kind], dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for group, decision, reason, now, count in ask(queries.DECISIONS, groups=groups):
        counted[group, "decision"][decision][now] += count
        counted[group, "reason"][reason][now] += count
    for (group, kind), found in sorted(counted.items()):
        names = sorted(
            found, key=lambda name: (sum(found[name]), name)
        )  # rare ones are neighbours, since they are merged
        before, now = np.array([found[name] for name in names]).T
        yield _Tally((group, kind, "", ""), before, now, partial(_together, names))


def _scores(ask: _Asked, groups: Sequence[str], uploads: int) -> Iterator[_Tally]:
    """Count the scores of each signal in each group, by bin."""
    shares = [place / BINS for place in range(1, BINS)]
    every = -(-uploads // SAMPLE)
    cuts: dict[tuple[str, str, str], list[float]] = {
        (group, source, label): edges(found, least).tolist()
        for group, source, label, found, least in ask(queries.EDGES, groups=groups, shares=shares, every=every)
    }
    counted: dict[tuple[str, str, str], Counts] = {
        key: np.zeros((2, len(found) + 1), np.int64) for key, found in cuts.items()
    }
    columns = {name: [key[place] for key in cuts] for place, name in enumerate("gsl")}
    for group, source, label, now, place, count in ask(queries.BINNED, groups=groups, **columns, c=list(cuts.values())):
        if place is None:  # the reference lacks this signal, so its rows have no bins
            counted.setdefault((group, source, label), np.zeros((2, 1), np.int64))[int(now), 0] += count
        else:
            counted[group, source, label][int(now), place] = count
    for (group, source, label), (before, now) in sorted(counted.items()):
        found = cuts.get((group, source, label), [])
        yield _Tally((group, "score", source, label), before, now, partial(_range, found))


def _together(names: Sequence[str], part: slice) -> str:
    return ", ".join(names[part])


def _range(cuts: Sequence[float], part: slice) -> str:
    low = f"{cuts[part.start - 1]:.3g} < " if part.start else ""
    high = f" ≤ {cuts[part.stop - 1]:.3g}" if part.stop <= len(cuts) else ""
    return f"{low}score{high}"
