"""Read the rows of a table's files, and check each page against its checksum. Errors name the file and its runs.

Page checksums are Parquet's own (the CRC-32 of a page as it is stored). Older files without them are read too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from screening.errors import ScreeningError, TableError
from screening.tables.delta import remote
from screening.tables.sealed import check_file, filesystem

_FORM = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)
_noticed: deque[ScreeningError] = deque(maxlen=16)  # errors of scans, since DuckDB passes on only their messages


class Files(ds.FileSystemDataset):  # type: ignore[misc]  # pyarrow has no types
    """A dataset of some files of a table, limited to the rows that match `only`; DuckDB too reads it by `scanner`.

    If a file can't be read as it was written, a TableError is raised that names the file and its runs.
    """

    def __init__(self, uri: str, schema: pa.Schema, files: pa.Table, only: pc.Expression | None = None) -> None:
        self.uri, self._only = uri, only
        columns = (
            files[name].to_pylist() for name in ("path", "size", "min.run_id", "max.run_id", "min.uri", "max.uri")
        )
        made, self._sizes, self._runs = [], dict[str, int](), dict[str, str]()
        system = filesystem(uri, self._sizes, self.damaged)
        for path, size, first_run, last_run, first, last in zip(*columns, strict=True):
            self._sizes[path] = size
            self._runs[path] = _runs(first_run, last_run)
            known = first is not None and last is not None
            holds = (pc.field("uri") >= first) & (pc.field("uri") <= last) if known else None
            made.append(_FORM.make_fragment(path, system, holds))
        super().__init__(made, schema, _FORM, system)

    def scanner(self, **options: Any) -> Scan:
        """Return a scanner, as `Dataset.scanner` does. Its reads raise TableError, or TransientError from the store."""
        asked = options.get("filter")
        both = self._only if asked is None else asked if self._only is None else self._only & asked
        return Scan(self, super().scanner(**{**options, "filter": both}), {**options, "filter": both})

    def check(self) -> None:
        """Raise TableError unless each file matches the log and its name; files in a bucket are checked when opened."""
        for path, size in () if remote(self.uri) else self._sizes.items():
            if wrong := check_file(f"{self.uri}/{path}", size):
                raise self.damaged(path, wrong)

    def culprit(self, error: Exception, last: str, options: dict[str, Any]) -> TableError:
        """Return an error about the first file from `last` on that can't be read, or about the table if all can be."""
        fragments = list(self.get_fragments())
        paths = [fragment.path for fragment in fragments]
        for fragment in fragments[paths.index(last) if last else 0 :]:
            try:
                for _ in fragment.scanner(schema=self.schema, **options).to_batches():
                    pass
            except (pa.ArrowException, OSError) as found:
                return self.damaged(fragment.path, f"it is damaged: {_brief(found)}")
        return TableError(f"it could not be read: {_brief(error)}", file=self.uri, fix="run the same command again")

    def damaged(self, path: str, what: str) -> TableError:
        """Return an error that says what is wrong with one file."""
        return TableError(what, file=f"{self.uri}/{path}", runs=self._runs.get(path, ""))


class Scan:
    """A scanner of `Files`, with those methods of pyarrow's `Scanner` that its datasets and DuckDB use."""

    def __init__(self, files: Files, scanner: ds.Scanner, options: dict[str, Any]) -> None:
        self._files, self._scanner, self._options = files, scanner, options

    @property
    def projected_schema(self) -> pa.Schema:
        """The schema of the rows."""
        return self._scanner.projected_schema

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches."""
        last = ""
        try:
            self._files.check()
            for batch in self._scanner.scan_batches():
                last = batch.fragment.path
                yield batch.record_batch
        except ScreeningError as error:
            _noticed.append(error)
            raise
        except (pa.ArrowException, OSError) as error:
            told = self._files.culprit(error, last, self._options)
            _noticed.append(told)
            raise told from error

    def to_reader(self) -> pa.RecordBatchReader:
        """Return a reader of the rows, which is what DuckDB takes."""
        return pa.RecordBatchReader.from_batches(self.projected_schema, self.to_batches())

    def to_table(self) -> pa.Table:
        """Return all rows."""
        return pa.Table.from_batches(self.to_batches(), self.projected_schema)


@contextmanager
def clearly() -> Iterator[None]:
    """Turn errors in the block that DuckDB raises for a failed scan into the error with which the scan failed."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        for told in reversed(_noticed):
            if str(told) in str(error):
                raise told from None
        raise


def _runs(first: str | None, last: str | None) -> str:
    if first is None or last is None:
        return ""
    return f"of run {first}" if first == last else f"of runs {first} to {last}"


def _brief(error: Exception) -> str:
    return str(error).partition(" Detail: ")[0].splitlines()[0] if str(error) else type(error).__name__
