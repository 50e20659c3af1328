"""Manifests: read in pieces, each entry once, repeats left out, and what is no entry is named."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import screen
from pipelines.listing import manifest, repeats
from pipelines.listing.source import shards
from screening.errors import ConfigError
from tests.pipelines.listing.conftest import ROWS, as_jsonl, as_parquet, listed, pieces

pytestmark = pytest.mark.usefixtures("small")


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
    with pytest.raises(ConfigError, match=rf"m\.jsonl:{ROWS + 1}: this entry has no uri"):
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


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"uri": "a.txt", "deep": ' + DEEP + "}", "nested too deep"),
        (DEEP, "nested too deep"),
        ('{"uri": "\\udcff.txt"}', "is not valid text"),
        ('{"uri": "http://elsewhere/a.txt"}', "http:// is not supported"),
        ('{"uri": "s3://bucket/a.txt"}', "s3:// is not supported"),
        ('{"uri": "gs://bucket"}', "names no object"),
        ('{"uri": "gs:///a"}', "names no object"),
        ('{"uri": ""}', "no uri"),
        ('{"uri": 7}', "no uri"),
        ('{"uri": "' + "9" * 10 + '", "n": ' + "9" * 5000 + "}", "not a JSON object"),
    ],
)
def test_a_line_that_is_no_entry_is_named_and_stops_the_job(entries, tmp_path, light, capsys, line, says):
    source = as_jsonl(tmp_path / "m.jsonl", entries[:2])
    source.write_text(source.read_text() + line + "\n")
    assert screen.main(["--input", str(source), "--results", str(tmp_path / "results"), *light.flags]) == 2
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
def test_a_pipe_or_a_folder_is_no_manifest_and_is_not_waited_for(tmp_path, capsys, name, make, light):
    make(tmp_path / name)
    assert screen.main(["--input", str(tmp_path / name), "--results", str(tmp_path / "results"), *light.flags]) == 2
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
