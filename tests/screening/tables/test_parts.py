"""A part is one sorted file, named by run and content, however many rows and in whatever order they come."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from screening.errors import ConfigError
from screening.records import Evidence, Signal
from screening.tables import ResultTables, add_keys, upload_key
from screening.tables.parts import ROW_GROUP
from screening.tables.schema import json_row, verdict_batch, verdict_from


def test_the_same_rows_in_any_order_are_the_same_file(tmp_path, verdict) -> None:
    tables = ResultTables(str(tmp_path))
    rows = [verdict(uri=f"/in/{n}.txt") for n in range(20)]
    first, again = tables.write_part("run-1", rows), tables.write_part("run-1", reversed(rows))
    assert first == again
    assert [path.name for path in (tmp_path / "verdicts").glob("*.parquet")] == [first.path]
    assert first.path.startswith("run-1-")


def test_rows_are_sorted_across_row_groups_and_each_comes_once(tmp_path, verdict) -> None:
    count = 2 * ROW_GROUP + 7
    order = sorted(range(count), key=lambda n: n * 7919 % count)
    part = ResultTables(str(tmp_path)).write_part("run-1", (verdict(uri=f"/in/{n:06}") for n in order))
    file = pq.ParquetFile(tmp_path / "verdicts" / part.path)
    assert file.read(["uri"])["uri"].to_pylist() == [f"/in/{n:06}" for n in range(count)]
    assert file.metadata.num_row_groups == 3
    assert part.rows == count
    assert part.keys == add_keys(upload_key(f"/in/{n:06}", 1) for n in range(count))


def test_a_part_counts_decisions_and_goes_into_json(tmp_path, verdict) -> None:
    part = ResultTables(str(tmp_path)).write_part(
        "run-1", [verdict(uri=f"/in/{n}", decision=d) for n, d in enumerate(["accept", "error", "error"])]
    )
    assert part.counts == {"accept": 1, "review": 0, "reject": 0, "error": 2}
    assert part.size == (tmp_path / "verdicts" / part.path).stat().st_size
    stats = json.loads(part.stats)
    assert (stats["minValues"]["uri"], stats["maxValues"]["uri"], stats["numRecords"]) == ("/in/0", "/in/2", 3)


def test_no_verdicts_make_no_file(tmp_path) -> None:
    assert ResultTables(str(tmp_path)).write_part("run-1", []).rows == 0
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_verdict_of_another_run_is_refused(tmp_path, verdict) -> None:
    with pytest.raises(ValueError, match="another run"):
        ResultTables(str(tmp_path)).write_part("run-1", [verdict(run_id="run-2")])


@pytest.mark.parametrize("run_id", ["", "../x", "a/b", "-x", "a b", "x" * 101, "a%2e"])
def test_a_run_id_that_is_no_safe_name_is_refused(tmp_path, run_id) -> None:
    with pytest.raises(ConfigError, match="run id"):
        ResultTables(str(tmp_path)).write_part(run_id, [])


def test_a_verdict_comes_back_as_it_went(verdict) -> None:
    rich = verdict(
        uri="/in/ä ö\u2028.txt",
        metadata={"b": "2", "a": "1"},
        reasons=("spam", "too_short"),
        detail="x",
        signals=(Signal("bank/b", "known_hash", 1.0, Evidence(note="entry 1")), Signal("c", "l", 0.5)),
        screened_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    )
    bare = verdict(metadata={}, signals=(), thresholds=(), sha256="")
    assert [verdict_from(row) for row in verdict_batch([rich, bare]).to_pylist()] == [rich, bare]


def test_a_name_that_is_not_utf8_can_be_stored(tmp_path, verdict) -> None:
    part = ResultTables(str(tmp_path)).write_part("run-1", [verdict(uri="/in/\udcff.txt", decision="error")])
    stored = pq.read_table(tmp_path / "verdicts" / part.path)["uri"][0].as_py()
    assert stored == "/in/\\udcff.txt"


def test_what_is_not_utf8_is_escaped_wherever_it_stands_and_its_neighbours_stay_as_they_are(verdict) -> None:
    odd = verdict(metadata={"k\udc80": "v\udc81"}, signals=(Signal("s", "l", 0.5, Evidence(note="\udcfe")),))
    stored, plain = map(verdict_from, verdict_batch([odd, verdict()]).to_pylist())
    assert (stored.metadata, stored.signals[0].evidence.note) == ({"k\\udc80": "v\\udc81"}, "\\udcfe")
    assert plain == verdict()
    assert json.dumps(json_row(odd), ensure_ascii=False).encode()


def test_a_time_without_zone_is_refused(verdict) -> None:
    with pytest.raises(ValueError, match="time zone"):
        verdict_batch([verdict(screened_at=datetime(2026, 1, 1))])


def test_other_readers_of_the_delta_table_find_every_row_whatever_they_filter_by(tmp_path, verdict, commit) -> None:
    """Statistics of only some columns made delta-rs leave files out silently."""
    from deltalake import DeltaTable

    commit(ResultTables(str(tmp_path)), "run-1", verdict(uri="/in/a"), verdict(uri="/in/b", decision="reject"))
    foreign = DeltaTable(Path(tmp_path, "verdicts")).to_pyarrow_dataset()
    for column, value in [("decision", "reject"), ("run_id", "run-1"), ("fingerprint", "f" * 64), ("generation", 1)]:
        assert foreign.count_rows(filter=pc.field(column) == value) >= 1, column
    at = pa.scalar(datetime(2026, 3, 1, 12, tzinfo=UTC), pa.timestamp("us", "UTC"))
    assert foreign.count_rows(filter=pc.field("screened_at") == at) == 2


def test_files_that_hold_nothing_of_a_range_of_uris_are_not_opened(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    for run, uri in (("run-1", "/in/a"), ("run-2", "/in/m"), ("run-3", "/in/z")):
        commit(tables, run, verdict(uri=uri))
    assert len(tables.dataset("verdicts").files) == 3
    [only] = tables.dataset("verdicts", ("/in/b", "/in/n")).files
    assert only.startswith("run-2-")
    assert [(file.run_id, file.rows) for file in tables.run_files()] == [("run-3", 1), ("run-2", 1), ("run-1", 1)]
