"""Print the rows of a query: as a table to read, or streaming as CSV or JSON to work with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any

import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from screening.commands.common import console
from screening.report.text import visible

FORMATS = ("table", "csv", "json")
FORMULAS = tuple("=+-@\t\r\n＝＋－＠")  # the wide signs too, since some spreadsheets read them as the others
_STYLES = {"accept": "green", "review": "yellow", "reject": "red", "error": "magenta"}


def show(reader: pa.RecordBatchReader, form: str, limit: int) -> None:
    """Write the rows in one of `FORMATS`; a table stops after `limit` rows (0: never) and says so on stderr."""
    rows = _rows(reader)
    if form == "csv":
        _csv(reader.schema.names, rows)
    elif form == "json":
        _json(rows)
    else:
        shown = list(islice(rows, limit or None))
        console().print(_table(reader.schema, shown))
        if next(rows, None) is not None:
            print(f"only the first {limit} rows are shown; --limit 0 shows all", file=sys.stderr)


def _rows(reader: pa.RecordBatchReader) -> Iterator[dict[str, Any]]:
    for batch in reader:
        yield from batch.to_pylist(maps_as_pydicts="strict")


def _table(schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for field in schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
        table.add_column(Text(visible(field.name)), justify="right" if number else "left", overflow="fold")
    for row in rows:
        cells = [Text(visible(_cell(value)), style=_STYLES.get(_cell(value), "")) for value in row.values()]
        table.add_row(*cells)
    return table


def _csv(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write RFC 4180, but with Unix line ends; a text that a spreadsheet would run as a formula is made harmless."""
    for cells in chain([names], (row.values() for row in rows)):
        sys.stdout.write((",".join(_quoted(_harmless(cell)) for cell in cells) or '""') + "\n")


def _harmless(value: Any) -> str:
    """Return the cell, with a quote before what spreadsheets take for a formula; numbers stay numbers.

    Source: OWASP, CSV Injection.
    """
    cell = _cell(value)
    return f"'{cell}" if cell.startswith(FORMULAS) and not isinstance(value, int | float | Decimal) else cell


def _quoted(cell: str) -> str:
    # Before Python 3.13, the csv module leaves a carriage return unquoted, where a spreadsheet begins a row.
    return '"' + cell.replace('"', '""') + '"' if any(sign in cell for sign in ',"\n\r') else cell


def _json(rows: Iterable[dict[str, Any]]) -> None:
    """Write one array, with one row per line."""
    lead = "[\n"
    for row in rows:
        sys.stdout.write(lead + json.dumps(row, default=_plain, ensure_ascii=False))
        lead = ",\n"
    sys.stdout.write("[]\n" if lead == "[\n" else "\n]\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(_plain(value) if isinstance(value, datetime | Decimal | bytes) else value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.hex() if isinstance(value, bytes) else str(value)
