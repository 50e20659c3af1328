"""What needs no other verdict is looked up by range, from the log as it was, in few files."""

from __future__ import annotations

import shutil

import pytest

from screening.errors import ConfigError, TableError
from screening.tables import ResultTables
from tests.screening.tables.conftest import ALL


def test_decided_looks_up_a_range_under_one_fingerprint(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    commit(tables, "run-1", *(verdict(uri=f"/in/{name}", generation=7) for name in "abcd"))
    commit(tables, "run-2", *(verdict(uri=f"/in/{name}", generation=8) for name in "xyz"))
    tables.write_part("run-3", [verdict(run_id="run-3", uri="/in/b", generation=9)])
    assert tables.decided("f" * 64).between("/in/b", "/in/c").decided == {("/in/b", 7), ("/in/c", 7)}
    assert tables.decided("f" * 64).between("/in/d", "/in/x").decided == {("/in/d", 7), ("/in/x", 8)}
    assert tables.decided("0" * 64).between(*ALL).decided == set()


def test_decided_opens_only_files_that_can_hold_some_of_the_range(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    for n in range(20):
        commit(tables, f"run-{n:02}", *(verdict(uri=f"/in/{n:02}/{i}") for i in range(3)))
    tables.write_part("run-99", [verdict(run_id="run-99", uri="/in/07/0")])
    decided = tables.decided("f" * 64)
    shutil.rmtree(tmp_path / "verdicts" / "_delta_log")  # one look at the log, however many lookups
    for path in (tmp_path / "verdicts").glob("run-*"):
        if not path.name.startswith(("run-07-", "run-08-")):
            path.unlink()
    assert decided.between("/in/07/1", "/in/08/0").decided == {("/in/07/1", 1), ("/in/07/2", 1), ("/in/08/0", 1)}
    assert decided.between("/in/19/9", "/in/20").decided == set()
    with pytest.raises(TableError):
        decided.between("/in/19/1", "/in/20")


def test_decided_sees_a_run_committed_since_by_another(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    assert tables.decided("f" * 64).between(*ALL).decided == set()
    commit(ResultTables(str(tmp_path)), "run-1", verdict(uri="/in/a"))
    assert tables.decided("f" * 64).between(*ALL).decided == {("/in/a", 1)}
    commit(ResultTables(str(tmp_path)), "run-2", verdict(uri="/in/b"))
    assert tables.decided("f" * 64).between(*ALL).decided == {("/in/a", 1), ("/in/b", 1)}


def test_an_error_that_another_try_may_mend_is_not_decided(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    commit(
        tables,
        "run-1",
        verdict(uri="/in/a", decision="error", reasons=("read_failed",)),
        verdict(uri="/in/b", decision="error", reasons=("undecodable",)),
    )
    assert tables.decided("f" * 64).between(*ALL).decided == {("/in/b", 1)}


def test_an_empty_results_folder_is_explained(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no result tables"):
        ResultTables(str(tmp_path)).connection()
    assert ResultTables(str(tmp_path)).heal() == -1
