"""A run is wholly in the tables or not at all, whoever dies and whoever races."""

from __future__ import annotations

from screening.tables import ResultTables


def test_a_committed_run_can_be_read_back(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path / "results"))
    row = commit(tables, "run-1", verdict(uri="/in/b.txt"), verdict(uri="/in/a.txt", decision="reject"))
    assert (row.accept, row.reject, row.listed) == (1, 1, 2)
    assert tables.run("run-1") == row
    assert tables.decided("/in/a.txt", "/in/z", "f" * 64) == {("/in/a.txt", 1), ("/in/b.txt", 1)}
