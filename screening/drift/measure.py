"""Whether a run's scores, decisions and reasons are distributed as those of a reference run.

Counted by DuckDB in one pass over either run; memory holds a sample of the reference and the counts of the bins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import duckdb
import numpy as np

from screening.drift.psi import BINS, Counts, Interval, edges, interval, merge, psi
from screening.errors import ConfigError
from screening.records import Run
from screening.tables import ResultTables

ROWS = 50  # of a distribution in either run; of fewer even a great shift can't be told from noise
SAMPLE = 100_000  # uploads of the reference from which the edges of the bins are taken
GROUPS = 50  # sources or languages, those with most uploads
DOUBT = 0.05  # that any interval of a comparison is wrong if all else is as the method assumes

By = Literal["", "source", "language"]
Kind = Literal["score", "decision", "reason"]

# Where an upload comes from: what its metadata say, else the folder below the input. Its language: that which most of
# the text is in, which the check on languages notes.
_GROUPS: Mapping[str, str] = {
    "": "''",
    "source": "coalesce(nullif(metadata['source'], ''), CASE WHEN contains(name, '/') "
    "THEN split_part(name, '/', 1) ELSE '(top)' END)",
    "language": "coalesce(nullif(list_filter(signals, lambda s: s.label = 'unknown_language')[1].evidence.note, "
    "''), '(not known)')",
}
# Every upload stands in its group and in the whole, which is the group ''.
_ROWS = """
SELECT unnest(list_distinct(['', {group}])) AS grp, run_id = $run AS now, uri, decision, reasons, signals
FROM verdicts WHERE run_id IN ($run, $reference)
"""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one distribution moved: `rows` are (reference's, run's), `group` is "" for all uploads.

    `most` is what moved most, with its share of either's rows.
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
    """A distribution of which one of the runs has too few rows: it is not compared."""

    group: str
    kind: Kind
    source: str
    label: str
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Drift:
    """What was compared, the farthest first, and what was not; `groups_left` is how many small groups were left out.

    `differs` names what else went into the verdicts and is not the same: the runs' decoder, engine, banks, policy.
    """

    run: Run
    reference: Run
    shifts: tuple[Shift, ...]
    too_few: tuple[TooFew, ...]
    groups_left: int
    differs: tuple[str, ...]

    def past(self, bound: float) -> list[Shift]:
        """Those that moved past the bound beyond what noise can explain."""
        return [shift for shift in self.shifts if shift.interval.low > bound]


@dataclass(frozen=True, slots=True)
class _Tally:
    """Rows by bin in either run; `bins` names any run of neighbouring bins."""

    key: tuple[str, Kind, str, str]
    reference: Counts
    current: Counts
    bins: Callable[[slice], str]

    @property
    def rows(self) -> tuple[int, int]:
        return int(self.reference.sum()), int(self.current.sum())

    def shift(self, doubt: float) -> Shift | None:
        """None where only one bin has the rows that an interval needs, unless it has all."""
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
    """Compare a run (the newest that decided something) with a reference; ConfigError when there is no such run.

    By default the reference is the newest run before it on the same input and with the same bundles.
    """
    connection = tables.connection()
    runs = [run for run in tables.runs() if run.listed > run.skipped]
    if not runs:
        raise ConfigError(f"no run under {tables.uri} has decided anything", fix="screen something first")
    run = _named(runs, run_id) if run_id else runs[-1]
    made = _made_by(connection, run)
    before = _named(runs, reference) if reference else _before(connection, runs, run, made)
    if before.run_id == run.run_id:
        raise ConfigError(f"run {run.run_id} is its own reference", fix="name another with --reference")
    other = _made_by(connection, before)
    ask = _Asked(connection, _ROWS.format(group=_GROUPS[by]), run.run_id, before.run_id)
    groups = ask("SELECT grp, count(*) FROM rows WHERE grp <> '' GROUP BY 1 ORDER BY 2 DESC, 1")
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
        f"run {run_id} is not committed, or decided nothing", fix='see: screening results --sql "FROM run_summary"'
    )


def _before(connection: duckdb.DuckDBPyConnection, runs: Sequence[Run], run: Run, made: Mapping[str, Any]) -> Run:
    for other in reversed(runs[: runs.index(run)]):
        if other.input == run.input and _made_by(connection, other)["bundles"] == made["bundles"]:
            return other
    raise ConfigError(
        f"no run before {run.run_id} decided anything on {run.input} with the same bundles",
        fix="name a run with --reference",
    )


def _made_by(connection: duckdb.DuckDBPyConnection, run: Run) -> dict[str, Any]:
    """What went into a run's verdicts."""
    sql = "SELECT provenance FROM verdicts WHERE run_id = ? LIMIT 1"
    made: dict[str, Any] = connection.execute(sql, [run.run_id]).fetchall()[0][0]
    return made


class _Asked:
    """Answers over the rows of both runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, rows: str, run: str, reference: str) -> None:
        self._connection = connection
        self._rows = rows
        self._runs = {"run": run, "reference": reference}

    def __call__(self, sql: str, **values: object) -> list[Any]:
        return self._connection.execute(f"WITH rows AS ({self._rows}) {sql}", {**self._runs, **values}).fetchall()


def _shares(ask: _Asked, groups: Sequence[str]) -> Iterator[_Tally]:
    """Decisions, and the weightiest reasons, of each group."""
    counted: dict[tuple[str, Kind], dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    sql = (
        "SELECT grp, decision, coalesce(reasons[1], '(none)'), now, count(*) FROM rows "
        "WHERE grp IN (SELECT unnest($groups)) GROUP BY ALL"
    )
    for group, decision, reason, now, count in ask(sql, groups=groups):
        counted[group, "decision"][decision][now] += count
        counted[group, "reason"][reason][now] += count
    for (group, kind), found in sorted(counted.items()):
        names = sorted(found, key=lambda name: (sum(found[name]), name))  # the rare ones side by side: they are merged
        before, now = np.array([found[name] for name in names]).T
        yield _Tally((group, kind, "", ""), before, now, partial(_together, names))


def _scores(ask: _Asked, groups: Sequence[str], uploads: int) -> Iterator[_Tally]:
    """The scores of each signal in each group."""
    scores = (
        "SELECT grp, now, uri, s.source, s.label, s.score FROM (SELECT grp, now, uri, unnest(signals) AS s FROM rows "
        "WHERE grp IN (SELECT unnest($groups))) WHERE isfinite(s.score)"
    )
    shares = [place / BINS for place in range(1, BINS)]
    sql = (
        f"SELECT grp, source, label, quantile_disc(score, {shares}), min(score) FROM ({scores}) "
        "WHERE NOT now AND hash(uri) % $every = 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    cuts: dict[tuple[str, str, str], list[float]] = {
        (group, source, label): edges(found, least).tolist()
        for group, source, label, found, least in ask(sql, groups=groups, every=-(-uploads // SAMPLE))
    }
    counted: dict[tuple[str, str, str], Counts] = {
        key: np.zeros((2, len(found) + 1), np.int64) for key, found in cuts.items()
    }
    sql = (
        ", edge AS (SELECT unnest($g::VARCHAR[]) AS grp, unnest($s::VARCHAR[]) AS source, "
        "unnest($l::VARCHAR[]) AS label, unnest($c::DOUBLE[][]) AS cuts) "
        "SELECT grp, source, label, now, len(list_filter(cuts, lambda cut: cut < score)), count(*) "
        f"FROM ({scores}) LEFT JOIN edge USING (grp, source, label) GROUP BY ALL"
    )
    columns = {name: [key[place] for key in cuts] for place, name in enumerate("gsl")}
    for group, source, label, now, place, count in ask(sql, groups=groups, **columns, c=list(cuts.values())):
        if place is None:  # a signal that the reference lacks: none of its rows have a bin
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
