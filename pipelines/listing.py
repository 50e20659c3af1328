"""What is to be screened: the uploads of a folder, prefix or manifest, less those already decided."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.options import place
from screening.errors import ConfigError, TransientError, UploadError
from screening.records import Upload
from screening.storage import open_store

T = TypeVar("T")
LOOKUPS = 32  # manifest entries looked up in the store side by side
CHUNK = 1000  # uploads looked up in the verdicts at once; one page of a bucket's listing


def is_manifest(source: str) -> bool:
    """Whether `--input` names a manifest and not a folder or prefix."""
    return PurePosixPath(source).suffix.lower() in {".jsonl", ".ndjson", ".parquet"}


def list_uploads(source: str) -> Iterator[Upload]:
    """Every upload of the input, streaming; ConfigError when the input or a manifest's line is unusable."""
    if not is_manifest(source):
        yield from open_store(source).list(source)
        return
    with ThreadPoolExecutor(LOOKUPS) as pool:
        for rows in chunks(enumerate(_rows(source), start=1)):
            yield from pool.map(lambda entry: _from_manifest(source, *entry), rows)


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Items in lists of `CHUNK`."""
    items = iter(items)
    while chunk := list(islice(items, CHUNK)):
        yield chunk


def _rows(source: str) -> Iterator[object]:
    data = open_store(source).get(source)
    if source.lower().endswith(".parquet"):
        try:
            for batch in pq.ParquetFile(io.BytesIO(data)).iter_batches():
                yield from batch.to_pylist()
        except pa.ArrowException as error:
            raise ConfigError(f"not a Parquet file: {error}", file=source) from None
        return
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ConfigError(
                f"not a JSON object: {error}", file=source, line=number, fix='write {"uri": "…"} on each line'
            ) from None


def _from_manifest(source: str, line: int, row: object) -> Upload:
    uri = row.get("uri") if isinstance(row, Mapping) else None
    if not isinstance(row, Mapping) or not isinstance(uri, str) or not uri:
        raise ConfigError("no uri", file=source, line=line, fix='every entry needs {"uri": "…"}')
    if not uri.startswith("gs://"):
        if source.startswith("gs://"):
            raise ConfigError(f"{uri!r} is not a gs:// URI", file=source, line=line)
        uri = place(str(PurePosixPath(source).parent / uri))
    said = {key: _text(value) for key, value in _claims(row).items() if value is not None}
    name = uri.removeprefix("gs://").lstrip("/")
    try:
        upload = open_store(uri).stat(uri, name)
    except UploadError as error:
        return Upload(uri=uri, name=name, generation=0, size=0, metadata=said, problem=error.reason)
    except TransientError:
        return Upload(uri=uri, name=name, generation=0, size=0, metadata=said, problem="read_failed")
    return replace(upload, metadata={**upload.metadata, **said})


def _claims(row: Mapping[str, object]) -> Mapping[str, object]:
    nested = row.get("metadata")
    flat = {key: value for key, value in row.items() if key not in {"uri", "metadata"}}
    return {**flat, **(nested if isinstance(nested, Mapping) else {})}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
