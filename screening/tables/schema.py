"""The result tables' columns, and the way of each record into a row and back.

Times are UTC microseconds. Only the columns that every reader joins on are declared non-null, so that later
versions may add columns without rewriting a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from deltalake import Schema
from deltalake.schema import PrimitiveType

from screening.errors import ConfigError
from screening.records import (
    BundleId,
    Evidence,
    Fingerprint,
    Release,
    Review,
    Run,
    Signal,
    Threshold,
    Verdict,
    medium_of,
)

Row = dict[str, Any]

_TEXT = pa.string()
_TIME = pa.timestamp("us", tz="UTC")


def _struct(**columns: pa.DataType) -> pa.StructType:
    return pa.struct([pa.field(name, kind) for name, kind in columns.items()])


def _schema(required: str, **columns: pa.DataType) -> pa.Schema:
    needed = required.split()
    return pa.schema([pa.field(name, kind, nullable=name not in needed) for name, kind in columns.items()])


_EVIDENCE = _struct(window=pa.int64(), start=pa.int64(), end=pa.int64(), note=_TEXT)
_SIGNAL = _struct(source=_TEXT, label=_TEXT, score=pa.float64(), evidence=_EVIDENCE)
_THRESHOLD = _struct(category=_TEXT, label=_TEXT, level=_TEXT, worse=_TEXT, score=pa.float64(), origin=_TEXT)
_BUNDLE = _struct(name=_TEXT, version=_TEXT, digest=_TEXT)
_PROVENANCE = _struct(decoder=_TEXT, engine=_TEXT, bundles=pa.list_(_BUNDLE), banks=_TEXT, policy=_TEXT)

VERDICTS = _schema(
    "run_id uri generation decision",
    run_id=_TEXT,
    uri=_TEXT,
    name=_TEXT,
    generation=pa.int64(),
    size=pa.int64(),
    sha256=_TEXT,
    content_type=_TEXT,
    metadata=pa.map_(_TEXT, _TEXT),
    decision=_TEXT,
    reasons=pa.list_(_TEXT),
    detail=_TEXT,
    signals=pa.list_(_SIGNAL),
    thresholds=pa.list_(_THRESHOLD),
    fingerprint=_TEXT,
    provenance=_PROVENANCE,
    screened_at=_TIME,
    seconds=pa.float64(),
    medium=_TEXT,  # null in rows written before there was such a column, "" where there is none
)
RUNS = _schema(
    "run_id committed_at",
    run_id=_TEXT,
    input=_TEXT,
    listed=pa.int64(),
    skipped=pa.int64(),
    accept=pa.int64(),
    review=pa.int64(),
    reject=pa.int64(),
    error=pa.int64(),
    fingerprint=_TEXT,
    policy=_TEXT,
    started_at=_TIME,
    committed_at=_TIME,
    metrics=pa.map_(_TEXT, pa.int64()),  # null in rows written before there was such a column, as is the next
    sandbox=_TEXT,
)
REVIEWS = _schema(
    "review_id run_id uri generation decision",
    review_id=_TEXT,
    run_id=_TEXT,
    uri=_TEXT,
    generation=pa.int64(),
    decision=_TEXT,
    reason=_TEXT,
    reviewer=_TEXT,
    reviewed_at=_TIME,
)
RELEASES = _schema(
    "release_id run_id uri generation action",
    release_id=_TEXT,
    run_id=_TEXT,
    uri=_TEXT,
    generation=pa.int64(),
    sha256=_TEXT,
    decision=_TEXT,
    action=_TEXT,
    target=_TEXT,
    detail=_TEXT,
    released_at=_TIME,
)

SCHEMAS = {"verdicts": VERDICTS, "runs": RUNS, "reviews": REVIEWS, "releases": RELEASES}


def check_columns(there: Schema, name: str, uri: str) -> None:
    """Raises ConfigError unless these are a table's columns; those that may be null may be lacking (older versions)."""
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


def _utc(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise ValueError("a record's time has no time zone")
    return when.astimezone(UTC)


def stored_text(value: Any) -> Any:
    """The value as a table holds it: lone surrogates can't be stored and are written as `\\udcXX`."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def flat_row(record: Run | Review | Release) -> Row:
    """The row of a record whose fields are its columns."""
    return {column.name: _flat(getattr(record, column.name)) for column in fields(record)}


def _flat(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [(stored_text(key), each) for key, each in sorted(value.items())]
    return _utc(value) if isinstance(value, datetime) else stored_text(value)


def run_from(row: Mapping[str, Any]) -> Run:
    """The ledger entry of a row of `runs`."""
    times = {name: _utc(row[name]) for name in ("started_at", "committed_at")}
    return Run(**{**row, **times, "metrics": dict(row.get("metrics") or ()), "sandbox": row.get("sandbox") or ""})


def review_from(row: Mapping[str, Any]) -> Review:
    """The review of a row of `reviews`."""
    return Review(**{**row, "reviewed_at": _utc(row["reviewed_at"])})


def release_from(row: Mapping[str, Any]) -> Release:
    """The act of a row of `releases`."""
    return Release(**{**row, "released_at": _utc(row["released_at"])})


def verdict_row(verdict: Verdict) -> Row:
    """The row of `verdicts` for a verdict."""
    made_by = verdict.fingerprint
    return {
        "run_id": verdict.run_id,
        "uri": stored_text(verdict.uri),
        "name": stored_text(verdict.name),
        "generation": verdict.generation,
        "size": verdict.size,
        "sha256": verdict.sha256,
        "content_type": verdict.content_type,
        "metadata": [(stored_text(key), stored_text(value)) for key, value in sorted(verdict.metadata.items())],
        "decision": verdict.decision,
        "reasons": list(verdict.reasons),
        "detail": stored_text(verdict.detail),
        "signals": [_signal_row(signal) for signal in verdict.signals],
        "thresholds": [_plain_row(threshold) for threshold in verdict.thresholds],
        "fingerprint": made_by.digest,
        "provenance": {
            "decoder": made_by.decoder,
            "engine": made_by.engine,
            "bundles": [_plain_row(bundle) for bundle in made_by.bundles],
            "banks": made_by.banks,
            "policy": made_by.policy,
        },
        "screened_at": _utc(verdict.screened_at),
        "seconds": verdict.seconds,
        "medium": verdict.medium or "",
    }


def json_row(verdict: Verdict) -> Row:
    """The same, ready for JSON: metadata as an object, the time in ISO 8601."""
    row = verdict_row(verdict)
    return row | {"metadata": dict(row["metadata"]), "screened_at": row["screened_at"].isoformat()}


def _plain_row(record: Threshold | BundleId) -> Row:
    return {name: getattr(record, name) for name in record.__slots__}


def _signal_row(signal: Signal) -> Row:
    evidence = signal.evidence
    return {
        "source": signal.source,
        "label": signal.label,
        "score": signal.score,
        "evidence": {
            "window": evidence.window,
            "start": evidence.start,
            "end": evidence.end,
            "note": stored_text(evidence.note),
        },
    }


def signal_from(row: Mapping[str, Any]) -> Signal:
    """The signal of an entry of `signals`."""
    return Signal(row["source"], row["label"], row["score"], Evidence(**row["evidence"]))


def bundles_from(provenance: Mapping[str, Any]) -> tuple[BundleId, ...]:
    """The bundles of a `provenance`."""
    return tuple(BundleId(**each) for each in provenance["bundles"] or ())


def verdict_from(row: Mapping[str, Any]) -> Verdict:
    """The verdict of a row of `verdicts`, as Arrow gives it (a map may be pairs or a dict)."""
    made_by = row["provenance"]
    return Verdict(
        run_id=row["run_id"],
        uri=row["uri"],
        name=row["name"],
        generation=row["generation"],
        size=row["size"],
        sha256=row["sha256"],
        content_type=row["content_type"],
        metadata=dict(row["metadata"] or ()),
        decision=row["decision"],
        reasons=tuple(row["reasons"] or ()),
        detail=row["detail"],
        signals=tuple(map(signal_from, row["signals"] or ())),
        thresholds=tuple(Threshold(**each) for each in row["thresholds"] or ()),
        fingerprint=Fingerprint(
            digest=row["fingerprint"],
            decoder=made_by["decoder"],
            engine=made_by["engine"],
            bundles=bundles_from(made_by),
            banks=made_by["banks"],
            policy=made_by["policy"],
        ),
        screened_at=_utc(row["screened_at"]),
        seconds=row["seconds"],
        medium=medium_of(row["medium"], row["content_type"] or ""),
    )


def verdict_batch(verdicts: Sequence[Verdict]) -> pa.Table:
    """The verdicts as an Arrow table of the schema `VERDICTS`, in their order."""
    return pa.Table.from_pylist([verdict_row(verdict) for verdict in verdicts], schema=VERDICTS)
