"""Read the rows of a file that lists uploads (JSON lines, CSV or Parquet), from where a piece begins."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from screening.errors import ConfigError, Replaced, UploadError
from screening.storage import open_store

FileForm = Literal["jsonl", "csv", "parquet"]
LINE = 4 << 20  # bytes; a longer line is refused
BATCH = 4096  # rows of a Parquet file that are in memory at once

ListedRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows (None: all) of one generation of a file, from row `first` on, which begins at byte `offset`.

    Rows are numbered from 1, as in an editor, so a CSV's header is row 1. `columns` are all columns of a CSV file in
    order, or those to read from a Parquet file; () means all.
    """

    file: str
    generation: int
    form: FileForm
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    first: int = 1
    count: int | None = None
    offset: int = 0

    def __iter__(self) -> Iterator[tuple[int, int, ListedRow]]:
        """Yield each row with its number and offset. Raises ConfigError with the line number of a malformed row."""
        read = {"jsonl": self._json_lines, "csv": self._csv, "parquet": self._parquet}[self.form]
        with closing(open_store(self.file).open(self.file, self.generation)) as data:
            try:
                yield from islice(read(data), self.count)
            except Replaced:
                raise ConfigError("the file changed while the job ran", file=self.file, fix="run it again") from None
            except (
                pa.ArrowException,
                OSError,
                ValueError,
            ) as error:  # from Parquet alone: errors in lines name their line
                said = str(error).partition("\n")[0]
                raise ConfigError(f"it can't be read: {said}", file=self.file, fix="write the file again") from None

    def line(self) -> bytes:
        """Return the first record of a file of lines."""
        with closing(open_store(self.file).open(self.file, self.generation)) as data:
            return next((record for _, _, record in self._lines(data)), b"")

    def names(self) -> list[str]:
        """Return the names of the columns of a Parquet file."""
        with closing(open_store(self.file).open(self.file, self.generation)) as data:
            return list(self._opened(data).schema_arrow.names)

    def groups(self) -> list[int]:
        """Return the number of rows in each row group of a Parquet file."""
        with closing(open_store(self.file).open(self.file, self.generation)) as data:
            whole = self._opened(data).metadata
            return [whole.row_group(group).num_rows for group in range(whole.num_row_groups)]

    def _lines(self, data: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
        """Yield each record; a CSV record may span lines within quotes."""
        data.seek(self.offset)
        number, offset = self.first, self.offset
        while record := data.readline(LINE):
            while self.form == "csv" and record.count(b'"') % 2 and len(record) < LINE:
                if not (more := data.readline(LINE)):
                    break
                record += more
            if len(record) >= LINE:
                raise ConfigError(f"this line is longer than {LINE} bytes", file=self.file, line=number)
            yield number, offset, record
            number, offset = number + 1, offset + len(record)

    def _json_lines(self, data: BinaryIO) -> Iterator[tuple[int, int, ListedRow]]:
        for number, offset, line in self._lines(data):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise self._no_object(number, str(error)) from None
            except RecursionError:
                raise self._no_object(number, "it is nested too deep") from None
            if not isinstance(row, Mapping):
                raise self._no_object(number, "it is another JSON value")
            yield number, offset, row

    def _no_object(self, number: int, said: str) -> ConfigError:
        return ConfigError(
            f"this is not a JSON object: {said}", file=self.file, line=number, fix='write {"uri": "…"} on each line'
        )

    def _csv(self, data: BinaryIO) -> Iterator[tuple[int, int, ListedRow]]:
        for number, offset, record in self._lines(data):
            try:
                [values] = csv.reader([record.decode()], delimiter=self.delimiter, strict=True)
                yield number, offset, dict(zip(self.columns, values, strict=True))
            except (ValueError, csv.Error) as error:
                fix = f"each row needs the columns {self.delimiter.join(self.columns)}"
                raise ConfigError(f"this is not a row: {error}", file=self.file, line=number, fix=fix) from None

    def _parquet(self, data: BinaryIO) -> Iterator[tuple[int, int, ListedRow]]:
        file = self._opened(data)
        skip, number = self.first - 1, 1
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if skip >= number - 1 + rows:
                number += rows
                continue
            for batch in file.iter_batches(BATCH, [group], list(self.columns) or None, use_threads=False):
                behind = min(max(0, self.first - number), batch.num_rows)
                wanted = batch.slice(behind)
                yield from ((number + behind + i, 0, row) for i, row in enumerate(wanted.to_pylist()))
                number += batch.num_rows

    def _opened(self, data: BinaryIO) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(data, page_checksum_verification=True)
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(f"this is not a Parquet file: {error}", file=self.file) from None


def rows(file: str, form: FileForm) -> Rows:
    """Return all rows of a file, bound to its current generation. Raises ConfigError if there is no such file."""
    target = (
        file if file.startswith("gs://") else str(Path(file).resolve())
    )  # links are followed, as it is not an upload
    fix = "give a file that exists"
    try:
        found = open_store(file).stat(target)
    except UploadError as error:
        raise ConfigError(f"it can't be read: {error}", file=file, fix=fix) from None
    if found.problem:  # opening a FIFO could wait for ever
        raise ConfigError(f"it can't be read: {found.problem}", file=file, fix=fix)
    return Rows(file, found.generation, form)
