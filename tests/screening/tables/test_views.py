"""What people and the release job see: the newest verdict, with a person's decision above it; and only reading."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable

from screening.errors import ConfigError
from screening.records import Release
from screening.tables import ResultTables
from screening.tables.views import query


@pytest.fixture
def tables(tmp_path) -> ResultTables:
    return ResultTables(str(tmp_path))


def effective(tables: ResultTables) -> dict[str, tuple[str, str]]:
    """Decision and who made it, by URI; each URI once."""
    found = tables.connection().execute("SELECT uri, decision, decided_by FROM effective_verdicts").fetchall()
    assert len({row[0] for row in found}) == len(found)
    return {uri: (decision, by) for uri, decision, by in found}


@pytest.mark.parametrize(
    ("machine", "person", "stands"),
    [
        ("accept", "uphold", ("accept", "reviewer")),
        ("accept", "overturn", ("reject", "reviewer")),
        ("review", "uphold", ("reject", "reviewer")),
        ("review", "overturn", ("accept", "reviewer")),
        ("reject", "uphold", ("reject", "reviewer")),
        ("reject", "overturn", ("accept", "reviewer")),
        ("error", "uphold", ("error", "machine")),
        ("error", "overturn", ("error", "machine")),
    ],
)
def test_a_person_decides_above_the_machine_but_never_clears_an_error(
    tables, verdict, review, commit, machine, person, stands
) -> None:
    commit(tables, "run-1", verdict(decision=machine), verdict(uri="/in/b", decision="review"))
    assert effective(tables) == {"/in/a.txt": (machine, "machine"), "/in/b": ("review", "machine")}
    tables.append_reviews([review(person)])
    assert effective(tables) == {"/in/a.txt": stands, "/in/b": ("review", "machine")}


def test_the_latest_review_stands_and_is_shown_with_what_the_machine_said(tables, verdict, review, commit) -> None:
    commit(tables, "run-1", verdict(decision="reject"))
    tables.append_reviews([review("overturn", minutes=5, reviewer="bob"), review("uphold", minutes=1)])
    row = tables.connection().execute(
        "SELECT decision, machine_decision, decided_by, reviewer, review_reason FROM effective_verdicts"
    )
    assert row.fetchall() == [("accept", "reject", "reviewer", "bob", "looked at it")]


def test_a_newer_generation_is_judged_anew(tables, verdict, review, commit) -> None:
    commit(tables, "run-1", verdict(decision="reject", generation=9))
    tables.append_reviews([review("overturn", generation=9)])
    commit(tables, "run-2", verdict(decision="review", generation=10))
    assert effective(tables) == {"/in/a.txt": ("review", "machine")}


def test_an_older_generation_screened_later_does_not_count(tables, verdict, commit) -> None:
    commit(tables, "run-1", verdict(decision="reject", generation=10))
    commit(tables, "run-2", verdict(decision="accept", generation=9))
    assert effective(tables) == {"/in/a.txt": ("reject", "machine")}


def test_of_one_generation_the_verdict_committed_last_counts(tables, verdict, commit) -> None:
    commit(tables, "run-z", verdict(decision="reject"))
    commit(tables, "run-a", verdict(decision="accept"))
    assert effective(tables) == {"/in/a.txt": ("accept", "machine")}
    assert [found.run_id for found in tables.verdicts("/in/a.txt")] == ["run-a", "run-z"]


def test_a_persons_outcome_stands_when_the_same_bytes_are_screened_again(tables, verdict, review, commit) -> None:
    """An overturned reject means accept: read against a later `accept` verdict it must not mean reject."""
    commit(tables, "run-1", verdict(decision="reject"))
    tables.append_reviews([review("overturn", run_id="run-1")])
    commit(tables, "run-2", verdict(decision="accept"))
    assert effective(tables) == {"/in/a.txt": ("accept", "reviewer")}
    commit(tables, "run-3", verdict(decision="error"))
    assert effective(tables) == {"/in/a.txt": ("error", "machine")}


def test_a_review_of_an_error_says_nothing_about_a_later_verdict(tables, verdict, review, commit) -> None:
    commit(tables, "run-1", verdict(decision="error"))
    tables.append_reviews([review("overturn", run_id="run-1")])
    commit(tables, "run-2", verdict(decision="reject"))
    assert effective(tables) == {"/in/a.txt": ("reject", "machine")}


def test_a_review_of_a_run_that_is_not_committed_counts_for_nothing(tables, verdict, review, commit) -> None:
    commit(tables, "run-1", verdict(decision="reject"))
    tables.append_reviews([review("overturn", run_id="run-9")])
    assert effective(tables) == {"/in/a.txt": ("reject", "machine")}


def test_the_same_review_appended_again_is_there_once(tables, verdict, review, commit) -> None:
    commit(tables, "run-1", verdict())
    for _ in range(2):
        tables.append_reviews([review("uphold")])
    assert tables.reviews("/in/a.txt") == [review("uphold")]


def test_an_act_is_one_row_however_often_it_is_recorded(tables, verdict, commit) -> None:
    commit(tables, "run-1", verdict())
    row = Release(
        "rel-1",
        "run-1",
        "/in/a.txt",
        1,
        "0" * 64,
        "accept",
        "live",
        "/live/a.txt",
        "",
        datetime(2026, 3, 2, tzinfo=UTC),
    )
    later = replace(row, released_at=datetime(2026, 3, 3, tzinfo=UTC))
    tables.append_releases([row])
    tables.append_releases([later])
    tables.append_releases([replace(later, release_id="rel-2")])
    assert tables.releases("/in/a.txt") == [row]
    tables.append_releases([later, replace(row, uri="/in/b")])
    count = tables.connection().execute("SELECT count(*) FROM releases").fetchall()
    assert count == [(2,)]


def test_an_act_done_again_after_it_was_undone_is_a_row(tables, verdict, commit) -> None:
    commit(tables, "run-1", verdict())
    days = (datetime(2026, 3, day, tzinfo=UTC) for day in range(1, 4))
    rows = [
        Release(f"rel-{i}", "run-1", "/in/a.txt", 1, "0" * 64, "accept", action, "/live/a.txt", "", day)
        for i, (action, day) in enumerate(zip(("live", "withdrawn", "live"), days, strict=True))
    ]
    for row in rows:
        tables.append_releases([row])
        tables.append_releases([replace(row, release_id="another at once")])
    assert tables.releases("/in/a.txt") == rows


def test_every_release_says_of_itself_once_what_failed(tables, verdict, commit) -> None:
    commit(tables, "run-1", verdict())
    day = datetime(2026, 3, 2, tzinfo=UTC)
    row = Release("rel-1", "run-1", "/in/a.txt", 1, "0" * 64, "accept", "failed", "/live/a.txt", "full", day)
    for release_id in ("rel-1", "rel-1", "rel-2"):
        tables.append_releases([replace(row, release_id=release_id)])
    assert [found.release_id for found in tables.releases("/in/a.txt")] == ["rel-1", "rel-2"]


def test_releases_at_once_record_each_act_once(tables, verdict, commit) -> None:
    commit(tables, "run-1", verdict())
    day = datetime(2026, 3, 2, tzinfo=UTC)

    def record(release: int) -> None:
        for first in range(0, 200, 25):
            names = [f"{i:03}" for i in range(first, first + 25)]
            tables = ResultTables(where)
            tables.append_releases(
                [
                    Release(f"{release}", "run-1", f"/{n}", 1, "0" * 64, "accept", "live", f"/l/{n}", "", day)
                    for n in names
                ]
            )

    where = tables.uri
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, range(4)))
    counted = tables.connection().execute("SELECT count(*), count(DISTINCT uri) FROM releases").fetchall()
    assert counted == [(200, 200)]


def test_signals_are_one_row_each_with_their_evidence(tables, verdict, commit) -> None:
    commit(tables, "run-1", verdict(), verdict(uri="/in/none", signals=()))
    found = tables.connection().execute(
        'SELECT uri, source, label, score, "window", "start", "end", note FROM signals ORDER BY label'
    )
    assert found.fetchall() == [
        ("/in/a.txt", "bundle/starter@0.1.0/spam", "spam", 0.12, 0, 5, 90, "window 0"),
        ("/in/a.txt", "check/too_short@1", "too_short", 120.0, None, None, None, ""),
    ]


def test_the_run_summary_has_the_ledger_and_what_people_did(tables, verdict, review, commit) -> None:
    commit(tables, "run-1", verdict(decision="reject"), verdict(uri="/in/b", decision="reject"), skipped=3)
    tables.append_reviews([review("uphold"), review("overturn", minutes=1), review("uphold", uri="/in/b")])
    found = tables.connection().execute(
        "SELECT run_id, listed, skipped, decided, reject, upheld, overturned FROM run_summary"
    )
    assert found.fetchall() == [("run-1", 5, 3, 2, 2, 1, 1)]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP VIEW verdicts",
        "SELECT 1; DROP VIEW verdicts",
        "COPY (SELECT 1) TO '{out}'",
        "ATTACH '{out}'",
        "CREATE TABLE t AS SELECT 1",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "PRAGMA enable_external_access = true",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
        "SELECT * FROM secret_frame",
        "SELEC 1",
        "",
    ],
)
def test_sql_only_reads_the_tables(tables, verdict, commit, tmp_path, sql) -> None:
    import pyarrow as pa

    secret_frame = pa.table({"a": [1]})
    assert secret_frame.num_rows
    commit(tables, "run-1", verdict())
    secret, out = tmp_path / "secret.csv", tmp_path / "out.csv"
    secret.write_text("a\n1\n")
    connection = tables.connection()
    with pytest.raises(ConfigError):
        query(connection, sql.format(secret=secret, out=out)).fetchall()
    assert not out.exists()
    assert query(connection, "SELECT count(*) FROM verdicts").fetchall() == [(1,)]


SPELLINGS = (
    "stored_verdicts",
    '"stored_verdicts"',
    "STORED_Verdicts",
    "main.stored_verdicts",
    '"temp"."main"."stored_verdicts"',
    "query_table('stored_verdicts')",
    "query('SELECT * FROM stored_verdicts')",
    "(FROM stored_verdicts)",
    "verdicts",
)


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_rows_of_runs_that_are_not_committed_are_not_there_however_asked_for(
    tables, verdict, run_row, commit, tmp_path, spelling, joined
) -> None:
    commit(tables, "run-1", verdict(), verdict(uri="/in/b"))
    part = tables.write_part("run-2", [verdict(run_id="run-2", uri="/in/secret")])
    tables.commit_verdicts(run_row("run-2", accept=1), [part])  # and its committer dies before the ledger
    if joined:  # by a program that knows nothing of runs
        DeltaTable(tmp_path / "verdicts").optimize.compact()
    assert len(tables.dataset("verdicts").to_table()) == 3
    connection = ResultTables(str(tmp_path)).connection()
    assert query(connection, f"SELECT run_id, uri FROM {spelling} ORDER BY 2").fetchall() == [
        ("run-1", "/in/a.txt"),
        ("run-1", "/in/b"),
    ]
    assert query(connection, f"SELECT count(*) FROM {spelling} WHERE run_id = 'run-2'").fetchall() == [(0,)]
    assert query(connection, f"SELECT count(*) FROM {spelling} WHERE uri > '/in/c' OR size < 0").fetchall() == [(0,)]


def test_filters_find_rows_in_every_file(tables, verdict, commit) -> None:
    for n in range(3):
        commit(tables, f"run-{n}", verdict(uri=f"/in/{n}", decision="reject", reasons=("spam",)))
    connection = tables.connection()
    for where in (
        "decision = 'reject'",
        "uri BETWEEN '/in/0' AND '/in/2'",
        "list_contains(reasons, 'spam')",
        "metadata['uploader'] = 'ann'",
        "provenance.decoder = 'decode-1'",
        "screened_at < now()",
    ):
        assert query(connection, f"SELECT count(*) FROM verdicts WHERE {where}").fetchall() == [(3,)], where


def test_the_newest_verdicts_come_as_the_machine_made_them_with_peoples_decisions(
    tables, verdict, review, commit
) -> None:
    commit(tables, "run-1", verdict(decision="reject"), verdict(uri="/in/b", decision="review"))
    tables.append_reviews([review("overturn")])
    found = {each.uri: (each, person) for each, person in tables.newest_verdicts()}
    assert found["/in/a.txt"] == (verdict(decision="reject"), "accept")
    assert found["/in/b"] == (verdict(uri="/in/b", decision="review"), None)
