"""Manifests and inventory reports: read in pieces, each entry once, repeats left out, nothing asked that is known."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import screen
from pipelines.listing import manifest, repeats
from pipelines.listing import source as listing
from pipelines.listing.inventory import report
from pipelines.listing.shards import Shard
from pipelines.listing.source import shards
from screening.errors import ConfigError
from screening.records import Upload
from screening.storage import open_store

ROWS = 23


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of four rows."""
    monkeypatch.setattr(listing, "PIECE", 4)
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


@pytest.mark.parametrize(("name", "write"), [("m.jsonl", as_jsonl), ("m.parquet", as_parquet)])
def test_every_entry_is_in_one_piece_and_in_order(entries, tmp_path, name, write):
    made = pieces(str(write(tmp_path / name, entries)))
    found = [upload for piece in made for upload in piece.uploads()]
    assert [upload.size for upload in found] == list(range(ROWS))
    assert [upload.metadata["uploader"] for upload in found] == [f"u{i}" for i in range(ROWS)]
    assert [len(list(piece.uploads())) for piece in made][:2] == [4, 4]
    assert [piece.id for piece in made] == sorted({piece.id for piece in made})


def test_the_number_of_a_bad_line_is_known_wherever_it_is(entries, tmp_path):
    path = as_jsonl(tmp_path / "m.jsonl", entries)
    path.write_text(path.read_text() + '{"path": "x"}\n')
    with pytest.raises(ConfigError, match=rf"m\.jsonl:{ROWS + 1}: no uri"):
        pieces(str(path))


def test_a_manifest_that_changes_while_the_job_runs_stops_it(entries, tmp_path):
    path = as_jsonl(tmp_path / "m.jsonl", entries)
    made = pieces(str(path))
    as_jsonl(path, [{"uri": "in/another"}, *entries])
    with pytest.raises(ConfigError, match="changed while the job ran"):
        list(made[2].uploads())


@pytest.mark.parametrize("seed", range(5))
def test_repeats_are_every_entry_but_the_first_of_its_kind(seed):
    rng = random.Random(seed)
    names = [rng.choice("abcdefgh") * rng.randint(1, 3) for _ in range(60)]
    ids = {f"piece-{i:02}": names[i * 5 : i * 5 + 5] for i in range(12)}
    together: dict[int, list[tuple[str, bytes]]] = {}
    for piece in rng.sample(sorted(ids), len(ids)):
        for part, entries in repeats.by_range([manifest._digest(name) for name in ids[piece]]):
            together.setdefault(part, []).append((piece, entries))
    again: dict[str, list[bytes]] = {}
    for packed in together.values():
        for piece, rows in repeats.find(packed):
            again.setdefault(piece, []).append(rows)
    kept = [
        (piece, place)
        for piece in sorted(ids)
        for place in range(5)
        if place not in repeats.places(again.get(piece, ()))
    ]
    first = {names.index(name) for name in names}
    assert kept == [(f"piece-{i // 5:02}", i % 5) for i in sorted(first)]


def test_a_run_over_a_manifest_of_several_pieces_lists_each_upload_once(place, manifest):
    uploads = [{"uri": path} for path in map(str, sorted(Path(place.uploads).rglob("*.*")))]
    place.uploads = manifest([*uploads, *uploads[:7], *reversed(uploads)])
    assert place.screen("--run-id", "one") == 0
    run = place.tables.run("one")
    assert (run.listed, run.skipped) == (15, 0)
    assert place.rows("SELECT count(*), count(DISTINCT uri) FROM verdicts") == [(15, 15)]


# Inventory reports


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


@pytest.mark.parametrize("form", [{"parquet": True}, {"header": True}, {"header": False}], ids=str)
def test_a_report_gives_uploads_as_a_listing_would_without_asking_for_one(tmp_path, form):
    rows = [inventory_row(i) for i in range(ROWS)]
    gone = inventory_row(3, generation="5", timeDeleted="2026-11-24T11:00:00Z")
    marker = inventory_row(0, name="a/", size="0")
    source = write_report(tmp_path, [rows[:10], [*rows[10:], gone, marker]], **form)
    found = [upload for piece in pieces(source) for upload in piece.uploads()]
    assert [(u.uri, u.name, u.generation, u.size) for u in found] == [
        (f"gs://in/{row['name']}", row["name"], int(row["generation"]), int(row["size"])) for row in rows
    ]
    assert {upload.created_at for upload in found} == {datetime(2026, 11, 24, 10, tzinfo=UTC)}
    assert {upload.content_type for upload in found} == {"text/plain"}


@pytest.mark.parametrize("parquet", [True, False])
def test_a_report_without_a_needed_field_is_refused(tmp_path, parquet):
    rows = [{k: v for k, v in inventory_row(i).items() if k != "generation"} for i in range(3)]
    with pytest.raises(ConfigError, match=r"no generation\n.*bucket, name, generation, size"):
        list(report(write_report(tmp_path, [rows], parquet=parquet)))


def test_a_report_without_dates_is_refused_where_they_decide(tmp_path):
    rows = [{k: v for k, v in inventory_row(i).items() if k != "timeCreated"} for i in range(3)]
    source = write_report(tmp_path, [rows])
    assert len(list(report(source))) == 1
    with pytest.raises(ConfigError, match="no timeCreated"):
        list(report(source, dated=True))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "no inventory report"),
        ("{", "no inventory report"),
        ('{"report_shards_file_names": ["a.csv"], "shard_count": 2}', "or some of them"),
        ('{"report_shards_file_names": ["a.csv"]}', "can't be read"),
    ],
)
def test_what_is_no_report_is_said(tmp_path, text, says):
    (tmp_path / "x_manifest.json").write_text(text)
    with pytest.raises(ConfigError, match=says):
        list(report(str(tmp_path / "x_manifest.json")))


def test_a_broken_row_of_a_report_is_named_by_its_number(tmp_path):
    source = write_report(tmp_path, [[inventory_row(0), inventory_row(1, size="many")]])
    with pytest.raises(ConfigError, match=r"report_0\.csv:3: not a row of an inventory"):
        [upload for piece in pieces(source) for upload in piece.uploads()]


def test_a_report_in_a_bucket_is_screened_without_a_listing_or_a_look_at_an_object(gcs_server, tmp_path, place):
    gcs_server.clear()
    bucket, reports = gcs_server.create_bucket("in-by-report"), gcs_server.create_bucket("reports-of-it")
    store = open_store(f"gs://{bucket}")
    rows = []
    for i in range(9):
        store.put(f"gs://{bucket}/n/{i}.txt", b"A short note on the weather at the river, number %d." % i)
        found = store.stat(f"gs://{bucket}/n/{i}.txt")
        rows.append(inventory_row(i, bucket=bucket, name=f"n/{i}.txt", generation=str(found.generation)))
    write_report(tmp_path, [rows[:5], rows[5:], rows[2:3]])
    for path in tmp_path.glob("*[nv]"):
        if path.is_file():
            store.put(f"gs://{reports}/r/{path.name}", path.read_bytes())
    gcs_server.clear()
    place.uploads = f"gs://{reports}/r/0b3f_2026-11-25T00:00_manifest.json"
    assert place.screen("--run-id", "one") == 0
    assert place.tables.run("one").listed == 9
    assert place.rows("SELECT count(*) FROM verdicts WHERE decision = 'error'") == [(0,)]
    asked = [path for method, path, _ in gcs_server.calls() if method == "GET" and f"/b/{bucket}/o" in path]
    assert len(asked) == 9
    assert all("alt=media" in path for path in asked)


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"uri": "a.txt", "deep": ' + DEEP + "}", "nested too deep"),
        (DEEP, "nested too deep"),
        ('{"uri": "\\udcff.txt"}', "is no text"),
        ('{"uri": "http://elsewhere/a.txt"}', "http:// is not supported"),
        ('{"uri": "s3://bucket/a.txt"}', "s3:// is not supported"),
        ('{"uri": "gs://bucket"}', "names no object"),
        ('{"uri": "gs:///a"}', "names no object"),
        ('{"uri": ""}', "no uri"),
        ('{"uri": 7}', "no uri"),
        ('{"uri": "' + "9" * 10 + '", "n": ' + "9" * 5000 + "}", "not a JSON object"),
    ],
)
def test_a_line_that_is_no_entry_is_named_and_stops_the_job(entries, tmp_path, capsys, line, says):
    source = as_jsonl(tmp_path / "m.jsonl", entries[:2])
    source.write_text(source.read_text() + line + "\n")
    assert screen.main(["--input", str(source), "--results", str(tmp_path / "results")]) == 2
    said = capsys.readouterr().err
    assert f"{source}:3: " in said
    assert says in said
    assert "Traceback" not in said


@pytest.mark.parametrize("depth", range(900, 1000, 9))
def test_metadata_that_can_be_read_and_not_written_is_too_large(tmp_path, depth):
    deep = '{"uri": "in/00 – 雪.txt", "deep": ' + "[" * depth + "]" * depth + "}"
    (tmp_path / "m.jsonl").write_text(deep + "\n")
    found = listed(tmp_path / "m.jsonl")
    assert (
        found.line == 1 if isinstance(found, ConfigError) else found[0].problem in ("not_found", "metadata_too_large")
    )


def test_one_upload_has_one_uri_however_it_is_spelled(tmp_path, place):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a$HOME.txt").write_text("A quiet note about the weather at the river and the mill. " * 9)
    (folder / "~b.txt").write_text("A quiet note about the weather at the river and the mill, again. " * 9)
    spelled = ["in/a$HOME.txt", "in/../in/a$HOME.txt", "./in//a$HOME.txt", "in/./a$HOME.txt", f"/{folder}/a$HOME.txt"]
    spelled.append(f"file://{folder}/a$HOME.txt")
    place.uploads = str(as_jsonl(tmp_path / "m.jsonl", [{"uri": uri} for uri in [*spelled, "in/~b.txt"]]))
    assert place.screen("--run-id", "one") == 0
    assert place.tables.run("one").listed == 2
    found = place.rows("SELECT uri FROM verdicts WHERE decision <> 'error' ORDER BY uri")
    assert found == [(f"{folder}/a$HOME.txt",), (f"{folder}/~b.txt",)]


def test_no_link_on_the_way_to_an_entry_is_followed(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/a.txt").write_text("not an upload")
    (tmp_path / "in").symlink_to(tmp_path / "secret")
    source = as_jsonl(tmp_path / "m.jsonl", [{"uri": "in/a.txt"}, {"uri": f"{tmp_path}/in/a.txt"}])
    assert {upload.problem for upload in listed(source)} == {"not_a_regular_file"}


def test_dots_in_the_name_of_an_object_are_a_name(tmp_path):
    uris = ["gs://b/up/../up/a.txt", "gs://b/up/a.txt", "gs://b//up/./a.txt"]
    source = str(as_jsonl(tmp_path / "m.jsonl", [{"uri": uri} for uri in uris]))
    [cut] = [cut for shard in shards(source) for part in shard.split() for cut in part.cut()]
    assert len(set(cut.digests)) == 3


@pytest.mark.parametrize("name", ["m.jsonl", "m.parquet", "m_manifest.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_is_no_manifest_and_is_not_waited_for(tmp_path, capsys, name, make):
    make(tmp_path / name)
    assert screen.main(["--input", str(tmp_path / name), "--results", str(tmp_path / "results")]) == 2
    assert f"{tmp_path / name}: it can't be read: not_a_regular_file" in capsys.readouterr().err


def test_a_pipe_among_the_entries_is_an_error(tmp_path, place):
    os.mkfifo(tmp_path / "pipe.txt")
    place.uploads = str(as_jsonl(tmp_path / "m.jsonl", [{"uri": "pipe.txt"}, {"uri": "gone.txt"}]))
    assert place.screen() == 0
    assert place.rows("SELECT decision, reasons FROM verdicts ORDER BY uri") == [
        ("error", ["not_found"]),
        ("error", ["not_a_regular_file"]),
    ]


ODD = {
    "nanoseconds": pa.array([1, 2], pa.timestamp("ns")),
    "durations": pa.array([1, 2], pa.duration("ns")),
    "bytes": pa.array([b"\xff", b"a"]),
    "a dictionary": pa.array(["a", "b"]).dictionary_encode(),
    "decimals": pa.array([Decimal("1.5"), None], pa.decimal128(9, 2)),
    "lists": pa.array([[{"a": 1}], None]),
    "a map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
    "nothing": pa.nulls(2),
    "large text": pa.array(["a", "b"], pa.large_string()),
    "times": pa.array([1, 2], pa.time64("ns")),
    "halves": pa.array([1, 2], pa.float64()).cast(pa.float16()),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_parquet_manifest_may_hold_columns_of_any_type(entries, tmp_path, kind):
    table = pa.table({"uri": [each["uri"] for each in entries[:2]], "odd": ODD[kind], "metadata": ODD[kind]})
    pq.write_table(table, tmp_path / "m.parquet")
    found = listed(tmp_path / "m.parquet")
    if isinstance(found, ConfigError):
        assert found.file == str(tmp_path / "m.parquet")
    else:
        assert [upload.size for upload in found] == [0, 1]


@pytest.mark.parametrize("kind", ODD)
def test_a_uri_of_another_type_is_named_by_its_row(tmp_path, kind):
    pq.write_table(pa.table({"uri": ODD[kind]}), tmp_path / "m.parquet")
    found = listed(tmp_path / "m.parquet")
    if isinstance(found, ConfigError):
        assert found.file == str(tmp_path / "m.parquet")
    else:
        assert [upload.problem for upload in found] == ["not_found"] * 2


def test_a_parquet_manifest_that_is_damaged_is_named(entries, tmp_path):
    whole = as_parquet(tmp_path / "m.parquet", entries).read_bytes()
    for seed in range(60):
        data, chance = bytearray(whole), random.Random(seed)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / "m.parquet").write_bytes(data if seed % 3 else data[: chance.randrange(len(data))])
        found = listed(tmp_path / "m.parquet")
        assert not isinstance(found, ConfigError) or found.file == str(tmp_path / "m.parquet")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": ""}, ""),
        ({"generation": ""}, "missing_field"),
        ({"name": ""}, "no name"),
        ({"bucket": ""}, "no bucket"),
        ({"size": "-1"}, "no size"),
        ({"size": str(1 << 70)}, "no size"),
        ({"generation": "inf"}, "not a row"),
        ({"timeCreated": "yesterday"}, "not a row"),
    ],
)
def test_a_row_of_a_report_that_lacks_something(tmp_path, changes, says):
    source = write_report(tmp_path, [[inventory_row(0, **changes)]])
    found = listed(source)
    if isinstance(found, ConfigError):
        assert (says in str(found), found.line) == (True, 2)
        assert says not in ("", "missing_field")
    else:
        assert [upload.problem for upload in found] == [says]
        assert found[0].size == 0 or "size" not in changes
