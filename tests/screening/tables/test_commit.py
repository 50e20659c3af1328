"""A run is wholly in the tables or not at all, whoever dies and whoever races."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from screening.records import DECISIONS
from screening.tables import Part, ReconcileError, ResultTables, add_keys, delta, upload_key
from screening.tables.commit import reconcile
from tests.screening.tables.conftest import ALL, rows


def test_a_committed_run_can_be_read_back(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path / "results"))
    row = commit(tables, "run-1", verdict(uri="/in/b.txt"), verdict(uri="/in/a.txt", decision="reject"))
    assert (row.accept, row.reject, row.listed) == (1, 1, 2)
    assert row.committed_at > row.started_at
    assert tables.run("run-1") == row
    assert tables.runs() == [row]
    assert tables.run("run-2") is None


def test_a_committed_run_id_commits_nothing_again(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    first = commit(tables, "run-1", verdict(uri="/in/a"))
    assert commit(tables, "run-1", verdict(uri="/in/other"), verdict(uri="/in/more")) == first
    assert rows(tables) == [("run-1", "/in/a")]
    assert DeltaTable(tmp_path / "verdicts").version() == 1


def test_a_run_that_skipped_everything_is_committed_too(tmp_path, commit) -> None:
    tables = ResultTables(str(tmp_path))
    row = commit(tables, "run-1", skipped=7)
    assert (row.listed, row.skipped) == (7, 7)
    assert commit(tables, "run-1") == row


def test_a_run_that_does_not_reconcile_leaves_nothing(tmp_path, verdict, run_row) -> None:
    tables = ResultTables(str(tmp_path))
    part = tables.write_part("run-1", [verdict()])
    with pytest.raises(ReconcileError, match="2 listed - 0 skipped, 1 decided"):
        tables.commit_run(run_row("run-1", accept=1, listed=2), [part])
    assert tables.run("run-1") is None
    assert not (tmp_path / "verdicts" / "_delta_log").exists()


def test_one_upload_lost_and_another_counted_twice_is_noticed(tmp_path, verdict, run_row) -> None:
    tables = ResultTables(str(tmp_path))
    parts = [tables.write_part("run-1", [verdict(uri="/in/a", detail=detail)]) for detail in ("", "again")]
    listed = add_keys([upload_key("/in/a", 1), upload_key("/in/b", 1)])
    with pytest.raises(ReconcileError, match="are not the uploads listed"):
        tables.commit_run(run_row("run-1", accept=2), parts, listed)


counts = st.tuples(*[st.integers(0, 3)] * 4)


@given(
    parts=st.lists(counts, max_size=4),
    skipped=st.integers(0, 3),
    wrong=st.dictionaries(
        st.sampled_from(["listed", "skipped", *DECISIONS]), st.integers(-2, 2).filter(bool), max_size=3
    ),
)
def test_only_an_exact_ledger_reconciles(run_row, parts, skipped, wrong) -> None:
    """Whatever combination of numbers is off, unless the equation and every decision's count still hold."""
    files = [Part(f"{n}", 1, sum(each), *each, 0, "") for n, each in enumerate(parts)]
    totals = {name: sum(each[i] for each in parts) for i, name in enumerate(DECISIONS)}
    right = run_row(**totals, skipped=skipped)
    reconcile(right, files)
    claimed = replace(right, **{name: getattr(right, name) + off for name, off in wrong.items()})
    if claimed.listed - claimed.skipped != sum(totals.values()) or any(name in DECISIONS for name in wrong):
        with pytest.raises(ReconcileError):
            reconcile(claimed, files)
    else:
        reconcile(claimed, files)


def test_a_part_counted_twice_is_noticed(tmp_path, verdict, run_row) -> None:
    tables = ResultTables(str(tmp_path))
    part = tables.write_part("run-1", [verdict()])
    with pytest.raises(ReconcileError, match="counted twice"):
        tables.commit_run(run_row("run-1", accept=2), [part, part])


def test_death_between_the_two_commits_hides_the_run_until_it_is_healed(tmp_path, committers) -> None:
    (committer,) = committers(1, tmp_path)
    committer.ask("run-1", "/in/a", "/in/b")
    committer.read()
    committer.ask("run-2", "/in/c", die=True)
    assert committer.process.wait(60) == 9
    tables = ResultTables(str(tmp_path))
    assert DeltaTable(tmp_path / "verdicts").version() == 2, "its verdicts were committed"
    assert rows(tables) == [("run-1", "/in/a"), ("run-1", "/in/b")]
    assert tables.decided("f" * 64).between(*ALL).decided == {("/in/a", 1), ("/in/b", 1)}
    assert tables.verdicts("/in/c") == []
    tables.heal()
    assert rows(tables)[-1] == ("run-2", "/in/c")
    assert [run.run_id for run in tables.runs()] == ["run-1", "run-2"]
    assert tables.decided("f" * 64).between(*ALL).decided == {("/in/a", 1), ("/in/b", 1), ("/in/c", 1)}


def test_a_run_whose_committer_died_is_finished_by_its_own_retry_with_its_first_facts(
    tmp_path, committers, verdict, commit
) -> None:
    (committer,) = committers(1, tmp_path)
    committer.ask("run-1", "/in/a", die=True)
    assert committer.process.wait(60) == 9
    tables = ResultTables(str(tmp_path))
    row = commit(tables, "run-1", verdict(uri="/in/other"), verdict(uri="/in/more"))
    assert row.accept == 1
    assert rows(tables) == [("run-1", "/in/a")]


def test_a_run_that_died_before_another_began_is_found_behind_it(tmp_path, verdict, run_row, commit) -> None:
    """The second run's commit was prepared before the first one's landed: `settled` must not hide the first."""
    tables = ResultTables(str(tmp_path))
    commit(tables, "run-0", verdict(uri="/in/0"))
    settled = tables.heal()
    for run_id, uri in (("run-1", "/in/1"), ("run-2", "/in/2")):
        part = tables.write_part(run_id, [verdict(run_id=run_id, uri=uri)])
        tables.commit_verdicts(run_row(run_id, accept=1), [part], settled=settled)
    assert [run.run_id for run in tables.runs()] == ["run-0"]
    tables.heal()
    assert [run.run_id for run in tables.runs()] == ["run-0", "run-1", "run-2"]


def test_healing_reads_only_the_commits_since_all_was_settled(tmp_path, verdict, commit, monkeypatch) -> None:

    tables = ResultTables(str(tmp_path))
    for n in range(6):
        commit(tables, f"run-{n}", verdict(uri=f"/in/{n}"))
    read: list[int] = []
    real = delta._log_entry
    # Nothing but its reads shows how far back a log was read.
    monkeypatch.setattr(delta, "_log_entry", lambda uri, version: read.append(version) or real(uri, version))
    tables.heal()
    assert read == [6, 5]


def test_of_committers_racing_on_one_run_id_exactly_one_lands(tmp_path, committers) -> None:
    racers = committers(3, tmp_path)
    for n in range(6):
        for place, racer in enumerate(racers):
            racer.ask(f"run-{n}", *(f"/in/{n}-{place}-{each}" for each in range(place + 1)))
        answers = {racer.read() for racer in racers}
        assert len(answers) == 1, "all report the one row that stands"
    tables = ResultTables(str(tmp_path))
    landed = rows(tables)
    for n, run in enumerate(tables.runs()):
        mine = [uri for run_id, uri in landed if run_id == run.run_id]
        assert len(mine) == run.accept
        assert len({uri.split("-")[1] for uri in mine}) == 1, "rows of one racer only"
        assert run.run_id == f"run-{n}"


def test_different_runs_racing_all_land(tmp_path, committers) -> None:
    racers = committers(3, tmp_path)
    for n in range(4):
        for place, racer in enumerate(racers):
            racer.ask(f"run-{n}-{place}", f"/in/{n}-{place}")
        for racer in racers:
            racer.read()
    tables = ResultTables(str(tmp_path))
    assert len(rows(tables)) == len(tables.runs()) == 12


def test_a_relative_results_folder_is_made_absolute(tmp_path, monkeypatch, verdict, commit) -> None:
    monkeypatch.chdir(tmp_path)
    tables = ResultTables("a folder/über 100%")
    monkeypatch.chdir("/")
    commit(tables, "run-1", verdict())
    assert tables.uri == str(tmp_path / "a folder" / "über 100%")
    assert len(rows(ResultTables(tables.uri))) == 1


def test_a_committed_run_id_stays_so_when_the_log_is_checkpointed_and_cleaned(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    for n in range(3):
        first = commit(tables, f"run-{n}", verdict(uri=f"/in/{n}"))
    for name in ("verdicts", "runs"):
        table = DeltaTable(tmp_path / name)
        table.create_checkpoint()
        for version in range(table.version()):
            (tmp_path / name / "_delta_log" / f"{version:020}.json").unlink()
    tables = ResultTables(str(tmp_path))
    assert commit(tables, "run-2", verdict(uri="/in/other")) == first
    commit(tables, "run-3", verdict(uri="/in/3"))
    assert rows(tables) == [(f"run-{n}", f"/in/{n}") for n in range(4)]


def test_compaction_by_an_administrator_changes_nothing_that_is_seen(tmp_path, verdict, commit) -> None:
    tables = ResultTables(str(tmp_path))
    for n in range(4):
        commit(tables, f"run-{n}", verdict(uri=f"/in/{n}"), verdict(uri=f"/in/{n}-b", signals=()))
    before = rows(tables)
    DeltaTable(tmp_path / "verdicts").optimize.compact()
    assert len(DeltaTable(tmp_path / "verdicts").file_uris()) == 1
    assert rows(ResultTables(str(tmp_path))) == rows(tables) == before
    assert tables.decided("f" * 64).between("/in/2", "/in/3").decided == {("/in/2", 1), ("/in/2-b", 1), ("/in/3", 1)}
    commit(tables, "run-4", verdict(uri="/in/4"))
    assert tables.verdicts("/in/1") == [verdict("run-1", "/in/1")]
