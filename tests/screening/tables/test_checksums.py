"""Every file of the tables is written with checksums, and read against them wherever it is read."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from screening.errors import ScreeningError, TableError
from screening.records import Release
from screening.storage import open_store
from screening.tables import ResultTables, StoredScores, rows
from screening.tables.scan import clearly
from screening.tables.schema import SCHEMAS
from tests.screening.tables.conftest import FINGERPRINT, START, a_run, a_verdict


def a_release(uri: str = "/in/a.txt") -> Release:
    return Release("rel-1", "run-1", uri, 1, "0" * 64, "accept", "live", f"/live{uri}", "", START)


@pytest.fixture
def tables(tmp_path, review, commit) -> ResultTables:
    """Every table with a row or more, and a file of verdicts of several row groups."""
    tables = ResultTables(str(tmp_path / "results"))
    commit(tables, "run-1", *(a_verdict(uri=f"/in/{i:05}", sha256=f"{i:064x}") for i in range(1200)))
    tables.append_reviews([review("uphold", uri="/in/00001")])
    tables.append_releases([a_release()])
    return tables


def files(tables: ResultTables, name: str) -> list[Path]:
    return [Path(tables.table_uri(name), path) for path in tables.dataset(name).files]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_a_bit_that_flipped_is_found_or_changes_nothing(tables, name):
    """It may change nothing in a page's header, where some of what is said is not used."""
    [path] = files(tables, name)
    whole, chance = path.read_bytes(), random.Random(name)
    expected = tables.dataset(name).to_table()
    footer = pq.ParquetFile(path).metadata.serialized_size + 8
    told = []
    places = [chance.randrange(len(whole)) for _ in range(80)] + [-1 - chance.randrange(footer) for _ in range(40)]
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            assert ResultTables(tables.uri).dataset(name).to_table() == expected
        except TableError as error:
            told.append(str(error))
    assert len(told) > 80
    assert all(path.name in each for each in told)


def spoil_last(path: Path) -> None:
    """A bit in the last row group's last page of every column."""
    metadata, data = pq.ParquetFile(path).metadata, bytearray(path.read_bytes())
    group = metadata.row_group(metadata.num_row_groups - 1)
    assert metadata.num_row_groups > 1
    for i in range(group.num_columns):
        chunk = group.column(i)
        data[(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 2] ^= 4
    path.write_bytes(data)


READERS: dict[str, Callable[[ResultTables], object]] = {
    "newest verdicts": lambda tables: list(tables.newest_verdicts()),
    "verdicts on one": lambda tables: tables.verdicts("/in/01199"),
    "batches of a run": lambda tables: list(tables.run_batches("run-1", ["uri"])),
    "decided": lambda tables: tables.decided("f" * 64).between("/in/01100", "/in/01200"),
    "a count": lambda tables: tables.connection().execute("SELECT count(*) FROM verdicts").fetchall(),
    "a stream": lambda tables: list(tables.connection().sql("SELECT uri FROM verdicts").to_arrow_reader()),
    "batches by hand": lambda tables: tables.connection().execute("SELECT uri FROM verdicts").fetchmany(2000),
    "stored scores": lambda tables: StoredScores(tables, FINGERPRINT),
}


@pytest.mark.parametrize("reader", READERS)
def test_damage_in_the_middle_of_a_stream_is_told_as_at_its_beginning(tables, reader):
    [path] = files(tables, "verdicts")
    spoil_last(path)
    alone = reader == "stored scores"  # which only saves work: whoever asks it goes on without
    with pytest.raises(OSError if alone else TableError, match="CRC" if alone else rf"{path.name}.*CRC"), clearly():
        READERS[reader](ResultTables(tables.uri))


def test_a_table_from_before_there_were_checksums_is_read_and_goes_on(tmp_path, review, commit):
    """As delta-rs wrote the small tables, and this product its parts."""
    uri = str(tmp_path / "results")
    part = ResultTables(uri).write_part("run-1", [a_verdict()])
    sealed, plain = (Path(uri, "verdicts", name) for name in (part.path, f"run-1-{'0' * 40}.parquet"))
    pq.write_table(pq.read_table(sealed), plain, compression="zstd")
    sealed.unlink()
    part = replace(part, path=plain.name, size=plain.stat().st_size)
    ResultTables(uri).commit_run(a_run("run-1", accept=1), [part])
    for name in ("runs", "reviews"):
        kept = ResultTables(uri).dataset(name).to_table()
        if name == "runs":
            DeltaTable(f"{uri}/{name}").delete()
            write_deltalake(f"{uri}/{name}", kept, mode="append")
    tables = ResultTables(uri)
    assert not any("-" + path.stem.rsplit("-")[-1] in path.name[-17:] for path in files(tables, "runs"))
    tables.append_reviews([review("overturn")])
    commit(tables, "run-2", a_verdict(uri="/in/b"))
    assert [run.run_id for run in tables.runs()] == ["run-1", "run-2"]
    found = ResultTables(uri).connection().execute("SELECT uri, decision FROM effective_verdicts ORDER BY 1").fetchall()
    assert found == [("/in/a.txt", "reject"), ("/in/b", "accept")]
    assert tables.decided("f" * 64).between("", "~").decided == {("/in/a.txt", 1), ("/in/b", 1)}


def test_joined_files_have_checksums_and_the_same_rows(tables, review):
    joining = ResultTables(tables.uri, join_above=3)
    for minute in range(9):
        joining.append_reviews([review("uphold", uri="/in/00002", minutes=minute)])
    assert len(files(tables, "reviews")) <= 4
    assert len(tables.reviews("/in/00002")) == 9
    largest = max(files(tables, "reviews"), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[40] ^= 1
    largest.write_bytes(data)
    with pytest.raises(TableError, match=largest.name):
        ResultTables(tables.uri).reviews("/in/00002")


def test_of_two_that_join_the_same_files_one_does_and_no_row_is_there_twice(tables, review, monkeypatch):
    for minute in range(4):
        tables.append_reviews([review("uphold", minutes=minute)])
    uri, whole = tables.table_uri("reviews"), rows._write

    def other_first(*given, **more):
        monkeypatch.setattr(rows, "_write", whole)
        rows.compact(uri, above=3)
        return whole(*given, **more)

    # The moment between what `compact` reads and what it commits is in no other code that could be waited for.
    monkeypatch.setattr(rows, "_write", other_first)
    rows.compact(uri, above=3)
    assert len(files(tables, "reviews")) == 1
    assert len(tables.reviews("/in/a.txt")) == 4


@pytest.mark.parametrize("damage", ["missing", "truncated", "page", "footer"])
def test_damage_in_a_bucket_is_told_alike(gcs_server, commit, damage):
    gcs_server.clear()
    results = f"gs://{gcs_server.create_bucket(f'damaged-{damage}')}/results"
    commit(ResultTables(results), "run-1", *(a_verdict(uri=f"gs://in/{i}") for i in range(5)))
    store = open_store(results)
    [found] = [each for each in store.list(f"{results}/verdicts") if each.name.endswith(".parquet")]
    data = bytearray(store.get(found.uri))
    data[{"footer": len(data) - 60}.get(damage, 40)] ^= 1
    store.delete(found.uri, found.generation)
    if damage != "missing":
        store.put(found.uri, bytes(data[: 200 if damage == "truncated" else None]))
    for name in ("newest verdicts", "batches of a run", "a count", "a stream"):
        with pytest.raises(TableError, match=rf"{found.uri}: .*\(of run run-1\)"), clearly():
            READERS[name](ResultTables(results))


def test_a_log_that_leads_out_of_the_table_is_not_followed(tables, tmp_path):
    [path] = files(tables, "verdicts")
    path.rename(tmp_path / "elsewhere.parquet")
    log = sorted(Path(tables.table_uri("verdicts"), "_delta_log").glob("*.json"))[-1]
    log.write_text(log.read_text().replace(path.name, "../../elsewhere.parquet"))
    with pytest.raises(ScreeningError, match="outside the table"):
        ResultTables(tables.uri).connection()


def test_any_reader_reads_what_we_write(tables):
    for name, schema in SCHEMAS.items():
        plain = ds.dataset([str(path) for path in files(tables, name)]).to_table()
        assert plain.schema.names == schema.names
        assert DeltaTable(tables.table_uri(name)).to_pyarrow_table().num_rows == plain.num_rows
