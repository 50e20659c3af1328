"""A set is the same rows whatever holds it; what is missing or broken is named."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.data.sources import plain, read_source, split_of
from models.recipe import Source
from screening.errors import ConfigError

pytestmark = pytest.mark.train

ROWS = [
    {"text": "the river, and\nthe town", "label": "good", "split": "train", "kind": "1"},
    {"text": "ein Brötchen", "label": "bad", "split": "validation", "kind": "2"},
    {"text": "“free” prize", "label": "bad", "split": "test", "kind": "1"},
]


def source(**fields: Any) -> Source:
    return Source.model_validate({"set": "made", "licence": "none", "labels": {"good": {"spam": False}}} | fields)


def read(data: Path, **fields: Any) -> list[dict[str, Any]]:
    return read_source(data, source(**fields), Counter())


def as_jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps(row) for row in ROWS))


def as_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in ROWS).encode()))


def as_csv(path: Path, mark: str = ",", encoding: str = "utf-8-sig") -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter=mark)
        writer.writeheader()
        writer.writerows(ROWS)


def as_tsv(path: Path) -> None:
    as_csv(path, "\t", "utf-8")


def as_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def as_folder(path: Path) -> None:
    names = datasets.ClassLabel(names=["good", "bad"])
    datasets.Dataset.from_list(ROWS).cast_column("label", names).save_to_disk(str(path))


def as_folder_of_splits(path: Path) -> None:
    parts = {r["split"]: datasets.Dataset.from_list([{k: v for k, v in r.items() if k != "split"}]) for r in ROWS}
    datasets.DatasetDict(parts).save_to_disk(str(path))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.jsonl", as_jsonl),
        ("rows.jsonl.gz", as_gzip),
        ("rows.csv", as_csv),
        ("rows.tsv", as_tsv),
        ("rows.parquet", as_parquet),
        ("rows", as_folder),
        ("splits", as_folder_of_splits),
    ],
)
def test_every_format_gives_the_same_rows(name: str, write: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / name)
    rows = read(tmp_path, path=f"sub/{name}")
    assert [{k: row[k] for k in ROWS[0]} for row in rows] == ROWS
    assert [split_of(row) for row in rows] == ["train", "dev", "test"]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    as_jsonl(tmp_path / "made.jsonl")
    (row, *_) = read(tmp_path, fields={"label": "kind", "topic": "label"})
    assert (row["label"], row["topic"]) == ("1", "good")


def test_where_selects_rows_by_values_as_the_recipe_writes_them(tmp_path: Path) -> None:
    rows = [{"text": str(k), "label": "good", "split": "train", "cv": k % 2, "seen": k > 2} for k in range(5)]
    (tmp_path / "made.jsonl").write_text("\n".join(map(json.dumps, rows)))
    left_out: Counter[str] = Counter()
    found = read_source(tmp_path, source(where={"cv": [1], "seen": [False]}), left_out)
    assert ([row["text"] for row in found], left_out["where"]) == (["1"], 4)
    assert [row["text"] for row in read(tmp_path, where={"cv": ["0"], "seen": ["true"]})] == ["4"]


def test_another_file_adds_columns(tmp_path: Path) -> None:
    as_jsonl(tmp_path / "made.jsonl")
    (tmp_path / "kinds.csv").write_text("kind,text\n1,of the first kind\n")
    left_out: Counter[str] = Counter()
    join = {"path": "kinds.csv", "key": "kind", "columns": {"body": "text"}}
    rows = read_source(tmp_path, source(join=join, fields={"text": "body", "headline": "text"}), left_out)
    assert [(row["headline"], row["text"]) for row in rows] == [
        (ROWS[0]["text"], "of the first kind"),
        (ROWS[2]["text"], "of the first kind"),
    ]
    assert left_out["nothing to join"] == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"fields": {"label": "verdict"}}, "no column 'verdict'; there are kind, label, split, text"),
        ({"where": {"vector": ["x"]}}, "no column 'vector'"),
        ({"hold_out": {"publisher": ["x"]}}, "no column 'publisher'"),
        ({"split": {"by": "group", "field": "publisher"}}, "no column 'publisher'"),
        ({"join": {"path": "made.jsonl", "key": "body_id", "columns": {}}}, "no column 'body_id'"),
        ({"join": {"path": "none.csv", "key": "kind", "columns": {}}}, r"none\.csv: made: no file to join"),
        ({"set": "other"}, r"no data set 'other'.*other\.jsonl\.gz and other\.jsonl"),
        ({"path": "sub/other.csv"}, r"looked for sub/other\.csv"),
        ({"path": "notes.docx"}, r"can't read \.docx files; known: \.jsonl"),
        ({"path": "."}, "not a folder that `datasets` saved"),
        ({"set": "reviews"}, "name it in `path`"),
        ({"set": "reviews", "path": "."}, "no result tables"),
    ],
)
def test_what_is_missing_is_named(fields: dict[str, Any], told: str, tmp_path: Path) -> None:
    as_jsonl(tmp_path / "made.jsonl")
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(ConfigError, match=told):
        read(tmp_path, **fields)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("made.jsonl", b'{"text": "a"}\n{"text": \n', r"made\.jsonl: line 2 is not JSON"),
        ("made.jsonl", b"[1]\n", "line 1 is not a JSON object"),
        ("made.jsonl", b"\xff\xfe{}\n", "line 1 is not JSON"),
        ("made.jsonl.gz", b"no gzip", r"made\.jsonl\.gz: the file can't be read"),
        ("made.csv", b"text,label\na,b\nc\n", r"made\.csv: line 3 does not have the columns"),
        ("made.csv", b"text,label\na,b,c\n", r"made\.csv: line 2 does not have the columns"),
        ("made.parquet", b"PAR1", r"made\.parquet: the file can't be read"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        read(tmp_path, path=name)


def test_a_set_without_splits_needs_to_be_told_how(tmp_path: Path) -> None:
    (tmp_path / "made.jsonl").write_text('{"text": "a", "label": "good"}\n')
    with pytest.raises(ConfigError, match="no column 'split'"):
        read(tmp_path)
    assert len(read(tmp_path, split={"by": "random"})) == 1


def test_a_hub_that_cannot_be_reached_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no 'somebody/posts' in the data folder, and it can't be loaded from the hub"
    ):
        read(tmp_path, path="somebody/posts")


@pytest.mark.parametrize(("value", "text"), [(None, ""), (True, "true"), (3, "3"), ("x", "x")])
def test_values_read_as_a_recipe_writes_them(value: Any, text: str) -> None:
    assert plain(value) == text
