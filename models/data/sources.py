"""Read sets of labelled rows from JSONL, CSV, Parquet, a `datasets` folder, the Hugging Face hub or result tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from models.data.contrast import contrast_rows
from models.data.reviews import read_reviews
from models.recipe import Join, Source
from screening.errors import ConfigError

if TYPE_CHECKING:
    import datasets

Raw = dict[str, Any]
Opened = gzip.GzipFile | io.BufferedReader

GENERATED = {"contrast": contrast_rows}
REVIEWS = "reviews"  # the set that is read from result tables
_DEV = ("dev", "validation", "valid", "val")  # different names of the same split


def read_source(data: Path, source: Source, left_out: Counter[str]) -> list[Raw]:
    """Return all rows that `where` selects, in their order; columns that `fields` names are there by that name too.

    Rows that are not selected are counted in `left_out`. Raises ConfigError if there is no such set, if a file can't be
    read, or if a column is missing.
    """
    rows, place = _all_rows(data, source, left_out)
    if source.join is not None:
        rows = _joined(rows, data, source, source.join, left_out)
    needed = [source.fields.get(f, f) for f in ("text", "label", *["split"] * (source.split.by == "given"))]
    named = [*source.fields.values(), *source.where, *source.hold_out, source.split.field]
    _require([*needed, *filter(None, named)], rows, source, place)
    kept = [row for row in rows if all(_among(row.get(c), values) for c, values in source.where.items())]
    left_out["where"] += len(rows) - len(kept)
    return [{**row, **{field: row.get(column) for field, column in source.fields.items()}} for row in kept]


def _all_rows(data: Path, source: Source, left_out: Counter[str]) -> tuple[list[Raw], str]:
    if source.set in GENERATED:
        return list(GENERATED[source.set]()), source.set
    if source.set == REVIEWS:
        if not source.path:
            raise ConfigError(f"{source.name}: reviews are read from a results folder", fix="name it in `path`")
        place = source.path if "://" in source.path else str(data / source.path)
        return read_reviews(place, left_out), place
    path = _find(data, source)
    return (_from_hub(source), source.path) if path is None else (list(_from_path(path)), str(path))


def _joined(rows: list[Raw], data: Path, source: Source, join: Join, left_out: Counter[str]) -> list[Raw]:
    if not (data / join.path).is_file():
        raise ConfigError(f"{source.name}: no file to join", file=str(data / join.path))
    others = list(_from_path(data / join.path))
    _require([join.key, *join.columns.values()], others, source, join.path)
    _require([join.key], rows, source, source.set)
    known = {plain(other[join.key]): {new: other[c] for new, c in join.columns.items()} for other in others}
    found = [row | known[key] for row in rows if (key := plain(row.get(join.key))) in known]
    left_out["nothing to join"] += len(rows) - len(found)
    return found


def _require(columns: Iterable[str], rows: list[Raw], source: Source, place: str) -> None:
    known = {name for row in rows for name in row}
    for column in columns:
        if rows and column not in known:
            raise ConfigError(
                f"{source.name}: no column {column!r}; there are {', '.join(sorted(known))}",
                file=place,
                fix="say in the source's `fields` which column is which ({label: its_name}), in `split` how to split",
            )


def plain(value: Any) -> str:
    """Return a value as a recipe writes it: "" for None, `true` for True, ISO 8601 for a time."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def split_of(row: Raw) -> str:
    """Return the split that a row was given: `train`, `dev`, the name of another split, or ""."""
    said = plain(row.get("split")).lower()
    return "dev" if said in _DEV else said


def _among(value: Any, values: tuple[Any, ...]) -> bool:
    return value in values or plain(value) in map(plain, values)


def _find(data: Path, source: Source) -> Path | None:
    """Return the file or folder of a set; None if only the hub can have it."""
    wanted = [source.path] if source.path else [f"{source.set}.jsonl.gz", f"{source.set}.jsonl"]
    for name in wanted:
        if (data / name).exists():
            return data / name
    suffixes = Path(source.path).suffixes
    if source.path and not (suffixes and (suffixes[-1] == ".gz" or suffixes[-1] in _READERS)):
        return None
    raise ConfigError(
        f"no data set {source.name!r} below {data}: looked for {' and '.join(wanted)}",
        fix="point --data at the folder with the sets, or give the source a `path` below it",
    )


def _from_path(path: Path) -> Iterable[Raw]:
    if path.is_dir():
        import datasets  # not at the top (nor below), so that rows can be split without the training stack

        try:
            return _from_datasets(datasets.load_from_disk(str(path)))
        except FileNotFoundError as error:
            raise ConfigError("not a folder that `datasets` saved", file=str(path)) from error
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    reader = _READERS.get(suffix)
    if reader is None:
        raise ConfigError(f"can't read {suffix or 'this'} files; known: {', '.join(_READERS)}", file=str(path))
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return list(reader(file, path))
    except (OSError, EOFError, ValueError, csv.Error) as error:
        raise ConfigError(f"the file can't be read: {error}", file=str(path)) from error


def _json_lines(file: Opened, path: Path) -> Iterator[Raw]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"line {number} is not JSON: {error}", file=str(path)) from error
        if not isinstance(row, dict):
            raise ConfigError(f"line {number} is not a JSON object", file=str(path))
        yield row


def _csv(file: Opened, path: Path) -> Iterator[Raw]:
    lines = (line.decode("utf-8-sig" if number == 0 else "utf-8") for number, line in enumerate(file))
    reader = csv.DictReader(lines, delimiter="\t" if ".tsv" in path.suffixes else ",")
    for row in reader:
        if None in row or None in row.values():
            raise ConfigError(f"line {reader.line_num} does not have the columns of the first line", file=str(path))
        yield row


def _parquet(file: Opened, _: Path) -> Iterator[Raw]:
    yield from pq.read_table(file).to_pylist()


_READERS = {".jsonl": _json_lines, ".csv": _csv, ".tsv": _csv, ".parquet": _parquet}


def _from_hub(source: Source) -> list[Raw]:
    import datasets

    try:
        return _from_datasets(datasets.load_dataset(source.path, source.config, revision=source.revision))
    except (OSError, ValueError) as error:  # what `datasets` raises when offline, or when there is no such set
        raise ConfigError(
            f"{source.name}: no {source.path!r} in the data folder, and it can't be loaded from the hub: {error}",
            fix="correct the source's `path`, or run where the hub can be reached",
        ) from error


def _from_datasets(found: datasets.Dataset | datasets.DatasetDict) -> list[Raw]:
    """Return rows with class numbers turned into names, and with the split of each as its `split`."""
    import datasets

    if isinstance(found, datasets.DatasetDict):
        return [{"split": name, **row} for name, part in found.items() for row in _from_datasets(part)]
    names = {c: f.names for c, f in found.features.items() if isinstance(f, datasets.ClassLabel)}
    rows: list[Raw] = found.to_list()
    for row in rows:
        for column, known in names.items():
            if row[column] is not None and row[column] >= 0:
                row[column] = known[row[column]]
    return rows
