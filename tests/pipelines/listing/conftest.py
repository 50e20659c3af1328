"""Manifests and inventory reports of a few rows, and what is listed by them in pieces of four."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.listing import manifest
from pipelines.listing.shards import Shard
from pipelines.listing.source import shards
from screening.errors import ConfigError
from screening.records import Upload

ROWS = 23


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of four rows."""
    # The jobs that these tests run have no flag for it.
    monkeypatch.setattr(manifest, "PIECE", 4)


def pieces(source: str) -> list[Shard]:
    fine = [shard for whole in shards(source) for coarse in whole.split() for shard in coarse.split()]
    return [cut.piece for shard in fine for cut in shard.cut()]


def listed(source: Path | str) -> list[Upload] | ConfigError:
    """The uploads, or the error that says why there are none."""
    try:
        return [upload for piece in pieces(str(source)) for upload in piece.uploads()]
    except ConfigError as error:
        return error


def as_jsonl(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def as_parquet(path: Path, rows: list[dict]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=9)
    return path


@pytest.fixture
def entries(tmp_path) -> list[dict]:
    (tmp_path / "in").mkdir()
    for i in range(ROWS):
        (tmp_path / "in" / f"{i:02} – 雪.txt").write_bytes(b"x" * i)
    return [{"uri": f"in/{i:02} – 雪.txt", "uploader": f"u{i}"} for i in range(ROWS)]


FIELDS = ["project", "bucket", "name", "generation", "size", "timeCreated", "timeDeleted", "contentType"]


def inventory_row(i: int, **changes: str) -> dict[str, str]:
    return {
        "project": "p",
        "bucket": "in",
        "name": f"a/{i:02}, «雪».txt",
        "generation": str(1_700_000_000_000_000 + i),
        "size": str(i),
        "timeCreated": "2026-11-24T10:00:00Z",
        "timeDeleted": "",
        "contentType": "text/plain",
    } | changes


def write_report(folder: Path, shards: list[list[dict]], *, parquet: bool = False, header: bool = True, **more) -> str:
    names = []
    for i, rows in enumerate(shards):
        fields = [field for field in FIELDS if not rows or field in rows[0]]
        names.append(f"report_{i}.{'parquet' if parquet else 'csv'}")
        if parquet:
            kinds = {"generation": int, "size": int, "timeCreated": datetime.fromisoformat}
            typed = [{k: kinds.get(k, str)(v) if v else None for k, v in row.items()} for row in rows]
            pq.write_table(pa.Table.from_pylist(typed), folder / names[-1], row_group_size=5)
        else:
            text = io.StringIO()
            writer = csv.DictWriter(text, fields, lineterminator="\n")
            if header:
                writer.writeheader()
            writer.writerows(rows)
            (folder / names[-1]).write_text(text.getvalue())
    said = {
        "report_config": {
            "csv_options": {"delimiter": ",", "record_separator": "\n", "header_required": header},
            "object_metadata_report_options": {"metadata_fields": FIELDS},
        },
        "records_processed": sum(map(len, shards)),
        "shard_count": len(names),
        "report_shards_file_names": names,
    } | more
    path = folder / "0b3f_2026-11-25T00:00_manifest.json"
    path.write_text(json.dumps(said))
    return str(path)
