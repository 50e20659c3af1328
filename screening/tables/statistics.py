"""Compute a file's column statistics for the Delta log, which let engines skip files in a query."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


class Statistics:
    """The number of rows, and each flat column's nulls, least and greatest value, over the tables that were added.

    Every flat column is included, since delta-rs takes a missing statistic for null and skips the file. Nested columns
    are not: for a struct with one number of nulls, delta-rs drops all of the file's statistics (1.6.6).
    """

    def __init__(self) -> None:
        self.rows = 0
        self.least: dict[str, Any] = {}
        self.most: dict[str, Any] = {}
        self.nulls: dict[str, int] = {}

    def add(self, table: pa.Table) -> None:
        """Add the rows of `table`."""
        self.rows += table.num_rows
        for name in table.column_names:
            column = table[name]
            if not pa.types.is_nested(column.type):
                self.nulls[name] = self.nulls.get(name, 0) + column.null_count
                bounds: dict[str, Any] = pc.min_max(column).as_py()
                if bounds["min"] is not None:
                    self.least[name] = min(self.least.get(name, bounds["min"]), bounds["min"])
                    self.most[name] = max(self.most.get(name, bounds["max"]), bounds["max"])

    def to_json(self) -> str:
        """Return the Delta protocol's JSON ("Per-file Statistics"); times are rounded outwards to milliseconds."""
        millisecond = timedelta(milliseconds=1) - timedelta(microseconds=1)
        return json.dumps(
            {
                "numRecords": self.rows,
                "minValues": {name: _plain(value) for name, value in self.least.items()},
                "maxValues": {
                    name: _plain(value + millisecond if isinstance(value, datetime) else value)
                    for name, value in self.most.items()
                },
                "nullCount": self.nulls,
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
