"""Take uploads from an inventory report of Google Cloud Storage Insights, without asking the store for any object.

A report is a `…_manifest.json` and, beside it, the CSV or Parquet files that it names, with a row for each object.
Source: cloud.google.com/storage/docs/insights/inventory-reports (2025).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from pipelines.listing.manifest import Manifest
from pipelines.listing.rows import ListedRow, Rows, rows
from screening.errors import ConfigError, UploadError
from screening.records import Upload
from screening.storage import open_store
from screening.storage.names import name_problem

FILES = "report_shards_file_names"
NEEDED = ("bucket", "name", "generation", "size")
USED = (*NEEDED, "timeCreated", "timeDeleted", "contentType")


@dataclass(frozen=True, slots=True)
class Inventory(Manifest):
    """A shard: rows of one file of a report."""

    def identity(self, number: int, row: ListedRow) -> str:
        """Return the object's URI, with the generation if that is no longer live.

        Raises ConfigError if the row names no object.
        """
        for column in ("bucket", "name"):
            if not isinstance(row[column], str) or not row[column]:
                raise ConfigError(
                    f"this is not a row of an inventory: it has no {column}", file=self.rows.file, line=number
                )
        uri = f"gs://{row['bucket']}/{row['name']}"
        return f"{uri}#{row['generation']}" if row.get("timeDeleted") else uri

    def uploads(self, without: Collection[int] = ()) -> Iterator[Upload]:
        """Yield the live objects, without asking the store; empty objects that only mark folders are left out."""
        for i, (number, _, row) in enumerate(self.rows):
            if i not in without and not row.get("timeDeleted"):
                upload = self.upload(number, row)
                if upload.size or not upload.name.endswith("/"):
                    yield upload

    def upload(self, number: int, row: ListedRow) -> Upload:
        """Return the upload as the report describes it. Raises ConfigError if this is not a row of an inventory."""
        try:
            generation, size = (_count(row[name]) for name in ("generation", "size"))
            problem = "invalid_name" if name_problem(row["name"], bucket=True) else ""
            return Upload(
                uri=self.identity(number, row),
                name=row["name"],
                generation=generation or 0,
                size=size or 0,
                content_type=str(row.get("contentType") or ""),
                problem=problem or ("missing_field" if generation is None else ""),
                created_at=_time(row.get("timeCreated")),
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise ConfigError(f"this is not a row of an inventory: {error}", file=self.rows.file, line=number) from None


def report(source: str, *, dated: bool = False) -> Iterator[Inventory]:
    """Yield the files of a report, as shards.

    Raises ConfigError if it is not a report, or lacks a needed field; `dated` uploads need `timeCreated`.
    """
    needed = (*NEEDED, "timeCreated") if dated else NEEDED
    try:
        rows(source, "jsonl")  # raises if this is not a file that can be read
        said = json.loads(open_store(source).get(source))
        names = said[FILES]
    except UploadError as error:
        raise ConfigError(f"it can't be read: {error}", file=source, fix="give a file that exists") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        names = None
    if not isinstance(names, list) or len(names) != said.get("shard_count", len(names)):
        raise ConfigError(
            f"this is not a complete inventory report: {FILES} is missing or incomplete",
            file=source,
            fix="give the …_manifest.json that Storage Insights wrote beside the report, or a .jsonl or .parquet file",
        )
    config = _part(said, "report_config")
    for name in names:
        file = f"{source.rsplit('/', 1)[0]}/{PurePosixPath(str(name)).name}"
        if file.endswith(".parquet"):
            whole = rows(file, "parquet")
            found = tuple(whole.names())
            whole = replace(whole, columns=tuple(column for column in USED if column in found))
        else:
            whole = _csv(file, config)
            found = whole.columns
        if missing := [column for column in needed if column not in found]:
            raise ConfigError(
                f"the report has no {', '.join(missing)}",
                file=file,
                fix=f"configure the report with the fields {', '.join(NEEDED)}, and timeCreated for --since",
            )
        yield Inventory(whole)


def _csv(file: str, config: Mapping[str, Any]) -> Rows:
    """Return the rows of a CSV file, read as the report's configuration describes."""
    options = _part(config, "csv_options")
    delimiter = options.get("delimiter") or ","
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ConfigError(
            f"the report's delimiter {delimiter!r} can't be used", file=file, fix="have the report generated again"
        )
    whole = replace(rows(file, "csv"), delimiter=delimiter)
    if _value(options, "header_required") is False:
        fields = _value(_part(config, "object_metadata_report_options"), "metadata_fields") or ()
        return replace(whole, columns=tuple(map(str, fields)))
    header = whole.line()
    try:
        columns = next(csv.reader([header.decode(errors="replace")], delimiter=whole.delimiter), [])
    except csv.Error as error:
        raise ConfigError(f"this is not the header of a report: {error}", file=file, line=1) from None
    return replace(whole, columns=tuple(columns), first=2, offset=len(header))


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = _value(of, name)
    return found if isinstance(found, Mapping) else {}


def _value(of: Mapping[str, Any], name: str) -> Any:
    """Return a field by its name in protocol buffers or in JSON: `csv_options` or `csvOptions`."""
    head, *rest = name.split("_")
    return of.get(name, of.get(head + "".join(word.title() for word in rest)))


def _count(value: Any) -> int | None:
    """Return a number of up to 63 bits, or None if the report has none."""
    if value is None or value == "":
        return None
    found = int(value)
    if not 0 <= found < 1 << 63:
        raise ValueError(f"{found} can't be a size or a generation")
    return found


def _time(value: object) -> datetime | None:
    if not value:
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace(" UTC", "Z"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
