"""Go over a run's verdicts once, in bounded memory, for the report's counts and the few uploads that it lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from screening.policy import Facts
from screening.policy.decide import crossed
from screening.records import Signal, Threshold
from screening.tables.schema import SCREENED_PART, SIGNAL, THRESHOLD

HELD = ("error", "reject", "review")
_LISTED = 100  # the most uploads of each held decision that the page lists
_SLOWEST = 10
_SHOWN = ("name", "uri", "content_type", "size", "detail", "seconds")
_COLUMNS = (*_SHOWN, "reasons", "signals", "thresholds", "parts", "genre")
COLUMNS = [*_COLUMNS, "decision"]  # what `survey` reads
_PLACES = 3  # the most that are named for a reason


@dataclass(frozen=True, slots=True)
class Item:
    """An upload as the page lists it; `size` is in bytes. Each reason says in which parts it was found."""

    name: str
    uri: str
    content_type: str
    size: int
    reasons: tuple[str, ...]
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Survey:
    """The number of uploads by media type and by reason and decision, the slowest, and the first held ones by URI."""

    media: Counter[str]
    reasons: Counter[tuple[str, str]]
    slowest: tuple[Item, ...]
    held: dict[str, tuple[Item, ...]]


def survey(batches: Iterable[pa.RecordBatch]) -> Survey:
    """Return what the page says about these rows, which have `COLUMNS`."""
    media, reasons = Counter[str](), Counter[tuple[str, str]]()
    slowest = _First(_SLOWEST, [("seconds", "descending"), ("uri", "ascending")])
    held = {decision: _First(_LISTED, [("uri", "ascending")]) for decision in HELD}
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        media.update({each["values"]: each["counts"] for each in _counted(rows["content_type"])})
        named = pa.table(
            {
                "reason": pc.list_flatten(rows["reasons"]),
                "decision": rows["decision"].take(pc.list_parent_indices(rows["reasons"])),
            }
        )
        for each in named.group_by(["reason", "decision"]).aggregate([([], "count_all")]).to_pylist():
            reasons[each["reason"], each["decision"]] += each["count_all"]
        slowest.add(rows)
        for decision, first in held.items():
            first.add(rows.filter(pc.equal(rows["decision"], decision)))
    return Survey(media, reasons, slowest.items, {decision: first.items for decision, first in held.items()})


def _counted(column: pa.ChunkedArray) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = column.value_counts().to_pylist()
    return found


class _First:
    """Keeps the first `number` rows, in an order, of all tables added."""

    def __init__(self, number: int, order: list[tuple[str, str]]) -> None:
        self._number, self._order = number, order
        self._rows: pa.Table | None = None

    def add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            rows = rows.select(list(_COLUMNS))
            known = rows if self._rows is None else pa.concat_tables([self._rows, rows])
            self._rows = known.take(pc.select_k_unstable(known, self._number, self._order))

    @property
    def items(self) -> tuple[Item, ...]:
        rows = [] if self._rows is None else self._rows.sort_by(self._order).to_pylist()
        return tuple(Item(**{name: row[name] for name in _SHOWN}, reasons=_reasons(row)) for row in rows)


def _reasons(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row's reasons, each with the places of the parts beside the main one that it was found in."""
    signals = [SIGNAL.record(each) for each in row["signals"] or ()]
    levels = [THRESHOLD.record(each) for each in row["thresholds"] or ()]
    facts = Facts([SCREENED_PART.record(each) for each in row["parts"] or ()], row["genre"] or None)
    return tuple(
        reason + _places(signals, [each for each in levels if each.category == reason], facts)
        for reason in row["reasons"] or ()
    )


def _places(signals: Sequence[Signal], levels: Sequence[Threshold], facts: Facts) -> str:
    found = {each.evidence.part for each in signals if any(crossed(each, level, facts) for level in levels)}
    if not found - {"", "main"}:
        return ""
    places = sorted(place or "main" for place in found)
    more = f" and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
    return f" ({', '.join(places[:_PLACES])}{more})"
