"""The ledger of runs: what a run says of itself, in tables of other versions too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable

from screening.records import Verdict
from screening.tables import ResultTables, metrics_of, sandbox_of
from screening.tables.rows import append_once
from screening.tables.schema import RUN, RUNS
from tests.screening.tables.conftest import rows


def test_the_ledger_does_not_fall_apart_into_ever_more_files(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path), join_above=3)
    done = [commit(tables, f"run-{n}", verdict(uri=f"/in/{n}")) for n in range(6)]
    assert len(DeltaTable(tmp_path / "runs").file_uris()) <= 4
    assert tables.runs() == ResultTables(str(tmp_path)).runs() == done
    assert commit(tables, "run-0", verdict(uri="/in/other")) == done[0]


def test_a_run_carries_what_its_parts_counted(tmp_path, verdict, run_row) -> None:
    tables = ResultTables(str(tmp_path))
    made = [
        ("/in/a", {"uploads": 1, "ms.read": 7}, "one", 2),
        ("/in/b", {"uploads": 1, "reason.spam": 1}, "one", 2),
        ("/in/c", {"uploads": 1, "ms.read": 5}, "two", 2),
    ]
    parts = [
        replace(tables.write_part("run-1", [verdict(uri=uri)]), metrics=metrics, worker=worker, models=models)
        for uri, metrics, worker, models in made
    ]
    assert metrics_of([*parts]) == {"uploads": 3, "ms.read": 12, "reason.spam": 1, "models_loaded": 4}
    row = tables.commit_run(replace(run_row("run-1", accept=3), metrics=metrics_of(parts)), parts)
    assert row.metrics["ms.read"] == 12
    assert ResultTables(str(tmp_path)).run("run-1") == row
    asked = tables.connection().execute("SELECT metrics['ms.read'] FROM runs").fetchall()
    assert asked == [(12,)]


def test_a_run_says_what_held_its_decoders(tmp_path, verdict, run_row) -> None:
    tables = ResultTables(str(tmp_path))
    held = {"/in/a": "limits", "/in/b": "seccomp+landlock+limits", "/in/c": "limits", "/in/d": ""}
    parts = [replace(tables.write_part("run-1", [verdict(uri=uri)]), sandbox=walls) for uri, walls in held.items()]
    assert sandbox_of(parts) == "limits, seccomp+landlock+limits"
    row = tables.commit_run(replace(run_row("run-1", accept=4), sandbox=sandbox_of(parts)), parts)
    assert ResultTables(str(tmp_path)).run("run-1") == row
    assert tables.connection().execute("SELECT sandbox FROM runs").fetchall() == [("limits, seccomp+landlock+limits",)]


@pytest.fixture
def commit_as_before(tmp_path, run_row) -> Callable[..., None]:
    """Commits as a version does whose ledger has no such column."""

    def commit(column: str, run_id: str, *verdicts: Verdict) -> None:
        tables, before = ResultTables(str(tmp_path)), RUNS.remove(RUNS.get_field_index(column))
        part = tables.write_part(run_id, (replace(each, run_id=run_id) for each in verdicts))
        run = replace(run_row(run_id, **part.counts), committed_at=datetime.now(UTC))
        tables.commit_verdicts(run, [part])
        append_once(tables.table_uri("runs"), before, run_id, [RUN.row(run)])

    return commit


@pytest.mark.parametrize("column", ["metrics", "sandbox"])
def test_a_ledger_from_before_a_column_is_read_and_goes_on(tmp_path, verdict, commit, commit_as_before, column) -> None:
    commit_as_before(column, "run-0", verdict(uri="/in/0"))
    assert column not in DeltaTable(tmp_path / "runs").schema().to_json()
    tables = ResultTables(str(tmp_path))
    assert not getattr(tables.run("run-0"), column)
    commit(tables, "run-1", verdict(uri="/in/1"))
    assert [getattr(run, column) for run in tables.runs()] == [getattr(tables.run("run-1"), column)] * 2


def test_what_a_run_counted_survives_a_committer_that_dies(tmp_path, verdict, run_row) -> None:
    tables = ResultTables(str(tmp_path))
    part = tables.write_part("run-1", [verdict()])
    tables.commit_verdicts(replace(run_row("run-1", accept=1), metrics={"uploads": 1}), [part])
    assert tables.run("run-1") is None
    ResultTables(str(tmp_path)).heal()
    assert tables.run("run-1").metrics == {"uploads": 1}


def test_a_ledger_from_before_there_were_metrics_is_read_and_goes_on(
    tmp_path, verdict, commit, commit_as_before
) -> None:
    commit_as_before("metrics", "run-0", verdict(uri="/in/0"))
    assert "metrics" not in DeltaTable(tmp_path / "runs").schema().to_json()
    tables = ResultTables(str(tmp_path), join_above=8)
    assert tables.run("run-0").metrics == {}
    assert tables.connection().execute("SELECT run_id, metrics FROM runs").fetchall() == [("run-0", None)]
    for number in range(1, 14):  # past the number at which small files are joined
        commit(tables, f"run-{number}", verdict(uri=f"/in/{number}"))
    assert len(tables.runs()) == 14
    assert len(DeltaTable(tmp_path / "runs").file_uris()) < 8
    assert [run.run_id for run in tables.runs() if run.metrics] == []
    assert rows(tables)[0] == ("run-0", "/in/0")


def test_a_writer_from_before_may_still_append(tmp_path, verdict, commit, commit_as_before) -> None:
    commit(ResultTables(str(tmp_path)), "run-1", verdict(uri="/in/1"))
    commit_as_before("metrics", "run-2", verdict(uri="/in/2"))
    assert [run.run_id for run in ResultTables(str(tmp_path)).runs()] == ["run-1", "run-2"]


def test_the_facts_of_a_run_may_lack_what_an_older_version_did_not_know(run_row) -> None:
    run = replace(run_row("run-1", accept=1), metrics={"uploads": 1}, sandbox="limits")
    row = RUN.row(run)
    assert RUN.record(row) == run
    assert RUN.record({name: row[name] for name in row if name not in ("metrics", "sandbox")}) == run_row(
        "run-1", accept=1
    )
