"""Read what the report shows of a run from the tables, in bounded memory however many uploads the run had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from screening.errors import ConfigError
from screening.records import BundleId, Fingerprint, Run
from screening.report.histogram import Histogram
from screening.report.scores import histograms
from screening.report.survey import COLUMNS, Item, survey
from screening.report.work import Work, work_of
from screening.tables import ResultTables
from screening.tables.schema import THRESHOLD

_REASONS = 40  # the most that the page shows


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the page shows."""

    run: Run
    media: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, str, int], ...]
    histograms: tuple[Histogram, ...]
    slowest: tuple[Item, ...]
    held: tuple[tuple[str, tuple[Item, ...]], ...]
    fingerprint: Fingerprint | None
    work: Work | None


def gather(tables: ResultTables, run_id: str) -> Facts:
    """Return the facts of a committed run. Raises ConfigError if there is no such run."""
    run = tables.run(run_id)
    if run is None:
        raise ConfigError(
            f"run {run_id} is not committed under {tables.uri}",
            fix='list the runs with `screening results --sql "SELECT run_id FROM runs"`',
        )
    first = next(iter(tables.run_batches(run_id, ["fingerprint", "provenance", "thresholds"])), None)
    one = first.slice(0, 1).to_pylist()[0] if first is not None and first.num_rows else None
    found = survey(tables.run_batches(run_id, COLUMNS))
    media = sorted(found.media.items(), key=lambda each: (-each[1], each[0]))
    reasons = sorted(found.reasons.items(), key=lambda each: (-each[1], each[0]))
    return Facts(
        run=run,
        media=tuple(media),
        reasons=tuple((reason, decision, count) for (reason, decision), count in reasons[:_REASONS]),
        histograms=histograms(tables, run_id, list(map(THRESHOLD.record, one["thresholds"] or ())) if one else []),
        slowest=found.slowest,
        held=tuple(found.held.items()),
        fingerprint=_fingerprint(one["fingerprint"], one["provenance"]) if one else None,
        work=work_of(run),
    )


def _fingerprint(digest: str, made_by: dict[str, Any]) -> Fingerprint:
    bundles = tuple(BundleId(**each) for each in made_by["bundles"])
    return Fingerprint(digest, made_by["decoder"], made_by["engine"], bundles, made_by["banks"], made_by["policy"])
