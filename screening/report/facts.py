"""What the report says of a run, read from the tables with SQL; bounded, however many uploads the run had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from screening.errors import ConfigError
from screening.records import BundleId, Fingerprint, Run, Threshold
from screening.report.histogram import BINS, Axis, Histogram, axis_for
from screening.report.work import Work, work_of
from screening.tables import ResultTables

_LISTED = 100  # uploads of each held decision that the page names
_SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Item:
    """An upload as the page lists it; `size` in bytes."""

    name: str
    uri: str
    content_type: str
    size: int
    reasons: tuple[str, ...]
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page."""

    run: Run
    media: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, str, int], ...]
    histograms: tuple[Histogram, ...]
    slowest: tuple[Item, ...]
    held: tuple[tuple[str, tuple[Item, ...]], ...]
    fingerprint: Fingerprint | None
    work: Work | None


def gather(tables: ResultTables, run_id: str) -> Facts:
    """The facts of a committed run; ConfigError when there is no such run."""
    run = tables.run(run_id)
    if run is None:
        raise ConfigError(f"run {run_id} is not committed under {tables.uri}", fix="see: screening results --sql ...")
    connection = tables.connection()

    def rows(sql: str, *values: object) -> list[Any]:
        return connection.execute(sql, [run_id, *values]).fetchall()

    one = rows("SELECT fingerprint, provenance, thresholds FROM verdicts WHERE run_id = ? LIMIT 1")
    thresholds = [Threshold(**each) for each in one[0][2]] if one else []
    return Facts(
        run=run,
        media=tuple(rows("SELECT content_type, count(*) FROM verdicts WHERE run_id = ? GROUP BY 1 ORDER BY 2 DESC, 1")),
        reasons=tuple(
            rows(
                "SELECT reason, decision, count(*) FROM "
                "(SELECT unnest(reasons) AS reason, decision FROM verdicts WHERE run_id = ?) "
                "GROUP BY ALL ORDER BY 3 DESC, 1, 2 LIMIT 40"
            )
        ),
        histograms=_histograms(connection, run_id, thresholds),
        slowest=_items(rows(f"{_ITEM} WHERE run_id = ? ORDER BY seconds DESC, uri LIMIT {_SLOWEST}")),
        held=tuple(
            (
                decision,
                _items(rows(f"{_ITEM} WHERE run_id = ? AND decision = ? ORDER BY uri LIMIT {_LISTED}", decision)),
            )
            for decision in ("error", "reject", "review")
        ),
        fingerprint=_fingerprint(*one[0][:2]) if one else None,
        work=work_of(run),
    )


_ITEM = "SELECT name, uri, content_type, size, reasons, detail, seconds FROM verdicts"


def _items(rows: Sequence[Any]) -> tuple[Item, ...]:
    return tuple(
        Item(name, uri, kind, size, tuple(reasons), detail, seconds)
        for name, uri, kind, size, reasons, detail, seconds in rows
    )


def _fingerprint(digest: str, made_by: dict[str, Any]) -> Fingerprint:
    bundles = tuple(BundleId(**each) for each in made_by["bundles"])
    return Fingerprint(digest, made_by["decoder"], made_by["engine"], bundles, made_by["banks"], made_by["policy"])


def _histograms(
    connection: duckdb.DuckDBPyConnection, run_id: str, thresholds: Sequence[Threshold]
) -> tuple[Histogram, ...]:
    found = connection.execute(
        "SELECT source, label, count(*), min(score), max(score) FROM signals "
        "WHERE run_id = ? AND isfinite(score) GROUP BY 1, 2",
        [run_id],
    ).fetchall()
    if not found:
        return ()
    levels = {(source, label): tuple(t for t in thresholds if t.label == label) for source, label, *_ in found}
    axes: dict[tuple[str, str], Axis] = {
        (source, label): axis_for(source, low, high, [t.score for t in levels[source, label]])
        for source, label, _, low, high in found
    }
    places = ", ".join(["(?, ?, ?::DOUBLE, ?::DOUBLE, ?::BOOLEAN)"] * len(axes))
    values = [
        value for (source, label), axis in axes.items() for value in (source, label, axis.low, axis.high, axis.log)
    ]
    counted = connection.execute(
        f"""
        WITH axis(source, label, low, high, log) AS (VALUES {places})
        SELECT source, label, least({BINS - 1}, greatest(0, floor({BINS} * share)))::INTEGER AS bin, count(*)
        FROM (
          SELECT source, label, CASE WHEN log THEN ln(1 + score - low) / ln(1 + high - low)
            ELSE (score - low) / (high - low) END AS share
          FROM signals JOIN axis USING (source, label) WHERE run_id = ? AND isfinite(score))
        GROUP BY 1, 2, 3
        """,
        [*values, run_id],
    ).fetchall()
    bins: dict[tuple[str, str], list[int]] = {key: [0] * BINS for key in axes}
    for source, label, place, count in counted:
        bins[source, label][place] = count
    made = [Histogram(*key, axes[key], tuple(bins[key]), levels[key]) for key in axes]
    return tuple(
        sorted(made, key=lambda each: (not each.thresholds, each.source.split("/")[0], each.label, each.source))
    )
