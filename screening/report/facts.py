"""What the report says of a run, read from the tables; bounded, however many uploads the run had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from screening.errors import ConfigError
from screening.records import BundleId, Fingerprint, Run, Threshold
from screening.report.histogram import Histogram
from screening.report.scores import histograms
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
        histograms=histograms(tables, run_id, thresholds),
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
