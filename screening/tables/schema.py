"""The result tables' columns, taken from the records that they hold, and the way of each record into a row and back.

A table has the fields of its record, in their order; only verdicts differ, as said below. Times are UTC microseconds.
Only the columns that every reader joins on are declared non-null, so that later versions may add columns without
rewriting a table: null, in a row of an older version, is what the record's field is by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter, itemgetter
from types import UnionType
from typing import Any, Generic, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
from deltalake import Schema
from deltalake.schema import PrimitiveType

from screening.errors import ConfigError
from screening.records import BundleId, Release, Review, Run, ScreenedPart, Signal, Threshold, Verdict, medium_of

R = TypeVar("R")
Row = dict[str, Any]
Change = Callable[[Any], Any]


class Columns(Generic[R]):
    """The fields of a record as columns: their `types` by name, the `row` of a record, and the `record` of a row."""

    def __init__(self, kind: type[R]) -> None:
        columns = {name: _column(hint) for name, hint in get_type_hints(kind).items()}
        self.types = {name: column.type for name, column in columns.items()}
        self._kind = kind
        self._values, self._cells = attrgetter(*columns), itemgetter(*columns)
        self._written = [(place, each.written) for place, each in enumerate(columns.values()) if each.written]
        defaults = [field.default for field in fields(kind)]  # type: ignore[arg-type]  # every record is a dataclass
        changes = [each.read or _filled(default) for each, default in zip(columns.values(), defaults, strict=True)]
        self._read = [(place, change) for place, change in enumerate(changes) if change]

    def values(self, record: R) -> tuple[Any, ...]:
        """Return what is stored of a record, in the order of the columns; Arrow accepts this as a struct too."""
        values: tuple[Any, ...] = self._values(record)
        if not self._written:
            return values
        changed = list(values)
        for place, change in self._written:
            changed[place] = change(changed[place])
        return tuple(changed)

    def row(self, record: R) -> Row:
        """Return what is stored of a record by name, ready for Arrow or for JSON."""
        return dict(zip(self.types, map(_storable, self.values(record)), strict=True))

    def record(self, row: Mapping[str, Any]) -> R:
        """Return the record of a row as Arrow gives it (a map may be pairs or a dict); ignore other columns."""
        try:
            values = list(self._cells(row))
        except KeyError:  # of an older version
            values = list(map(row.get, self.types))
        for place, change in self._read:
            values[place] = change(values[place])
        return self._kind(*values)


class _Column(NamedTuple):
    """An Arrow type, and the changes of a field's value when it is written and read (None means no change)."""

    type: pa.DataType
    written: Change | None = None
    read: Change | None = None


def _column(hint: Any) -> _Column:
    form, inner = get_origin(hint), get_args(hint)
    if form in (Union, UnionType):  # or None, which is null
        return _Column(_column(inner[0]).type)
    if form is Literal:
        return _Column(pa.string())
    if form is tuple:
        each = _column(inner[0])
        return _Column(pa.list_(each.type), each.written and partial(_each, each.written), partial(_tuple, each.read))
    if form is Mapping:
        return _Column(pa.map_(*(_column(each).type for each in inner)), _pairs, _dict)
    if is_dataclass(hint):
        columns = Columns[Any](hint)  # type: ignore[arg-type]  # a class, as hints are
        return _Column(pa.struct(list(columns.types.items())), columns.values, columns.record)
    plain = {
        str: _Column(pa.string()),
        int: _Column(pa.int64()),
        float: _Column(pa.float64()),
        datetime: _Column(pa.timestamp("us", tz="UTC"), _utc, _utc),
    }
    return plain[hint]


def _utc(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise ValueError("a record's time has no time zone")
    return when.astimezone(UTC)


def _each(change: Change, values: Sequence[Any]) -> list[Any]:
    return [change(each) for each in values]


def _tuple(change: Change | None, values: Sequence[Any] | None) -> tuple[Any, ...]:
    return tuple([change(each) for each in values or ()] if change else values or ())


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(values.items())


def _dict(pairs: Any) -> dict[str, Any]:
    return dict(pairs or ())


def _filled(default: Any) -> Change | None:
    if default is MISSING or default is None:
        return None
    return lambda value: default if value is None else value


def _storable(value: Any) -> Any:
    """Return the value as a table can hold it, with lone surrogates written as `\\udcXX`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return type(value)(map(_storable, value)) if isinstance(value, list | tuple) else value


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # rare, so the texts are looked at only then
        return pa.array(_storable(values), kind)


RUN, REVIEW, RELEASE = Columns(Run), Columns(Review), Columns(Release)
SIGNAL, BUNDLE, THRESHOLD, SCREENED_PART = Columns(Signal), Columns(BundleId), Columns(Threshold), Columns(ScreenedPart)
_VERDICT = Columns(Verdict)


def _schema(required: str, types: Mapping[str, pa.DataType]) -> pa.Schema:
    needed = required.split()
    return pa.schema([pa.field(name, kind, nullable=name not in needed) for name, kind in types.items()])


def _verdict_types() -> dict[str, pa.DataType]:
    """A verdict's fingerprint is two columns: its digest under its own name, and what it is the digest of."""
    types: dict[str, pa.DataType] = {}
    for name, kind in _VERDICT.types.items():
        types[name] = kind
        if name == "fingerprint":
            digest, *provenance = kind
            types |= {name: digest.type, "provenance": pa.struct(provenance)}
    return types


VERDICTS = _schema("run_id uri generation decision", _verdict_types())
RUNS = _schema("run_id committed_at", RUN.types)
REVIEWS = _schema("review_id run_id uri generation decision", REVIEW.types)
RELEASES = _schema("release_id run_id uri generation action", RELEASE.types)

SCHEMAS = {"verdicts": VERDICTS, "runs": RUNS, "reviews": REVIEWS, "releases": RELEASES}


def check_columns(there: Schema, name: str, uri: str) -> None:
    """Raise ConfigError unless these are the table's columns; nullable ones may be missing, as in older versions."""
    found = {field.name: field.type for field in there.fields}
    for field in Schema.from_arrow(SCHEMAS[name]).fields:
        kind = found.get(field.name)
        if (kind is None and not field.nullable) or (
            kind is not None and isinstance(field.type, PrimitiveType) and kind != field.type
        ):
            raise ConfigError(
                f"this is another table than {name}: its column {field.name!r} is missing or of another type",
                file=uri,
                fix="name the folder or prefix that `screening screen` was given as --results",
            )


def verdict_batch(verdicts: Sequence[Verdict]) -> pa.Table:
    """Return the verdicts as an Arrow table of the schema `VERDICTS`, in the same order.

    The medium is "" if there is none, since null marks rows of an older version.
    """
    stored = zip(*map(_VERDICT.values, verdicts), strict=True) if verdicts else [()] * len(_VERDICT.types)
    columns: dict[str, Sequence[Any]] = dict(zip(_VERDICT.types, stored, strict=True))
    made_by = columns["fingerprint"]
    columns["fingerprint"], columns["provenance"] = [each[0] for each in made_by], [each[1:] for each in made_by]
    columns["medium"] = [medium or "" for medium in columns["medium"]]
    return pa.Table.from_arrays([_array(columns[field.name], field.type) for field in VERDICTS], schema=VERDICTS)


def verdict_from(row: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a row of `verdicts`."""
    made_by = {"digest": row["fingerprint"], **row["provenance"]}
    medium = medium_of(row["medium"], row["content_type"] or "")
    return _VERDICT.record({**row, "fingerprint": made_by, "medium": medium})


def json_row(verdict: Verdict) -> Row:
    """Return the row of a verdict, ready for JSON: metadata as an object, the time in ISO 8601."""
    [row] = verdict_batch([verdict]).to_pylist()
    return {**row, "metadata": dict(row["metadata"]), "screened_at": row["screened_at"].isoformat()}


def bundles_from(provenance: Mapping[str, Any]) -> tuple[BundleId, ...]:
    """Return the bundles of a `provenance`."""
    return _tuple(BUNDLE.record, provenance["bundles"])
