"""The same promises in a bucket: put-if-absent, lost replies, faults, racing committers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from screening.errors import TransientError
from screening.report import write_report
from screening.storage import open_store
from screening.tables import ResultTables, StoredScores
from tests.gcs.client import GcsServer
from tests.pace import times

ALL = ("", "~")


@pytest.fixture
def results(gcs_server: GcsServer) -> Iterator[str]:
    """A prefix in a bucket of its own; no faults before and after."""
    bucket = gcs_server.create_bucket(f"results-{uuid.uuid4().hex[:12]}")
    gcs_server.clear()
    yield f"gs://{bucket}/a/results"
    gcs_server.clear()


def entry(table: str, version: int) -> str:
    """The path of a log entry as delta-rs sends it, as a regular expression."""
    return f"{table}%2F%5Fdelta%5Flog%2F{version:020}%2Ejson"


def rows(tables: ResultTables) -> list[tuple[str, str]]:
    return sorted(tables.connection().execute("SELECT run_id, uri FROM verdicts").fetchall())


def test_a_run_in_a_bucket_can_be_read_back(results, verdict, review, commit) -> None:
    tables = ResultTables(results)
    row = commit(tables, "run-1", verdict(uri="gs://in/a.txt", decision="reject"), verdict(uri="gs://in/b.txt"))
    assert commit(tables, "run-1", verdict()) == row
    again = ResultTables(f"{results}/")
    assert again.runs() == [row]
    assert again.decided("f" * 64).between("gs://in/b", "gs://in/c").decided == {("gs://in/b.txt", 1)}
    again.append_reviews([review("overturn", uri="gs://in/a.txt")])
    found = again.connection().execute("SELECT uri, decision FROM effective_verdicts ORDER BY uri").fetchall()
    assert found == [("gs://in/a.txt", "accept"), ("gs://in/b.txt", "accept")]
    report = write_report(again, "run-1")
    assert report == f"{results}/reports/run-1.html"
    assert b"gs://in/a.txt" in open_store(report).get(report)


@pytest.mark.slow
@pytest.mark.parametrize("table", ["verdicts", "runs"])
@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("fault", ["lost", "reset", "status"])
def test_a_log_entry_whose_reply_is_lost_is_written_once(
    results, gcs_server, verdict, commit, table, version, fault
) -> None:
    gcs_server.faults(fault, method="PUT", path=entry(table, version), times=1)
    tables = ResultTables(results)
    row = commit(tables, "run-1", verdict(uri="gs://in/a"))
    assert gcs_server.hits() == 1
    assert rows(tables) == [("run-1", "gs://in/a")]
    assert tables.runs() == [row]


@pytest.mark.slow
def test_one_call_in_ten_failing_changes_nothing(results, gcs_server, verdict, commit) -> None:
    for seed, (kind, method) in enumerate([("status", ".*"), ("lost", "PUT|POST"), ("reset", "GET")]):
        gcs_server.faults(kind, method=method, probability=0.1, seed=seed)
    tables = ResultTables(results)
    runs = times(6, 2)
    for n in range(runs):
        commit(tables, f"run-{n}", *(verdict(uri=f"gs://in/{n}-{each}") for each in "ab"))
        tables.decided("f" * 64).between(*ALL)
    assert gcs_server.hits() > 2 * runs - 2
    gcs_server.clear()
    assert rows(ResultTables(results)) == [(f"run-{n}", f"gs://in/{n}-{each}") for n in range(runs) for each in "ab"]
    assert [run.run_id for run in tables.runs()] == [f"run-{n}" for n in range(runs)]


def test_stored_scores_are_found_in_a_bucket_in_few_reads(results, gcs_server, verdict, commit) -> None:
    first, later = verdict(uri="gs://in/a", sha256="1" * 64), verdict(uri="gs://in/b", sha256="2" * 64)
    commit(ResultTables(results), "run-1", first)
    commit(ResultTables(results), "run-2", later)
    scores = StoredScores(ResultTables(results), first.fingerprint)
    gcs_server.clear()
    assert scores.find("3" * 64) == ()
    assert gcs_server.calls() == []
    assert scores.find("2" * 64) == later.signals[1:]
    assert 0 < len(gcs_server.calls()) <= 4
    gcs_server.faults("reset", method="GET", times=1)
    assert scores.find("1" * 64) == first.signals[1:]


def test_a_store_that_is_down_between_the_commits_leaves_a_run_that_heals(
    results, gcs_server, verdict, commit, monkeypatch
) -> None:
    # With all its attempts a commit is patient for minutes.
    monkeypatch.setattr("screening.tables.delta._COMMITS", 1)
    tables = ResultTables(results)
    commit(tables, "run-1", verdict(uri="gs://in/a"))
    gcs_server.faults("status", status=400, method="PUT", path=entry("runs", 2))
    with pytest.raises(TransientError):
        commit(tables, "run-2", verdict(uri="gs://in/b"))
    gcs_server.clear()
    assert rows(tables) == [("run-1", "gs://in/a")]
    tables.heal()
    assert rows(tables) == [("run-1", "gs://in/a"), ("run-2", "gs://in/b")]


def test_of_committers_racing_in_a_bucket_exactly_one_lands(results, committers) -> None:
    racers = committers(3, results)
    for n in range(4):
        for place, racer in enumerate(racers):
            racer.ask(f"run-{n}", *(f"gs://in/{n}-{place}-{each}" for each in range(place + 1)))
        assert len({racer.read() for racer in racers}) == 1, "all report the one row that stands"
    landed = rows(ResultTables(results))
    for run in ResultTables(results).runs():
        mine = [uri for run_id, uri in landed if run_id == run.run_id]
        assert len(mine) == run.accept
        assert len({uri.split("-")[1] for uri in mine}) == 1, "rows of one racer only"
