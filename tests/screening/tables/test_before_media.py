"""Tables of the version before verdicts stored their medium (`before_media`, written by it) are read and go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable

from screening.classifiers import find_bundles
from screening.drift import drift
from screening.policy import compare, load_policy
from screening.records import Decision
from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY
from screening.tables import ResultTables, StoredScores
from tests.screening.tables.conftest import FINGERPRINT

STORED = Path(__file__).with_name("before_media")
MEDIA = {"/in/0": "text", "/in/1": "image", "/in/2": None, "/in/3": "text"}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    shutil.copytree(STORED, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def tables(results: Path) -> ResultTables:
    return ResultTables(str(results))


def media(tables: ResultTables) -> dict[str, str | None]:
    return {each.uri: each.medium for each, _ in tables.newest_verdicts()}


def has_column(results: Path) -> bool:
    return any(field.name == "medium" for field in DeltaTable(results / "verdicts").schema().fields)


def test_they_are_read_and_reading_changes_nothing(tables, results) -> None:
    assert media(tables) == MEDIA
    assert {uri: tables.verdicts(uri)[0].medium for uri in MEDIA} == MEDIA
    people: dict[str, Decision | None] = {each.uri: decided for each, decided in tables.newest_verdicts()}
    assert people["/in/0"] == "reject"
    assert tables.connection().sql("SELECT count(*) FROM signals").fetchall() == [(6,)]
    assert tables.connection().sql("SELECT DISTINCT medium FROM effective_verdicts").fetchall() == [(None,)]
    assert tables.decided(FINGERPRINT.digest).between("", "~").decided == {(uri, 1) for uri in MEDIA}
    assert len(StoredScores(tables, FINGERPRINT).find("0" * 64)) == 1
    assert not has_column(results)


def test_another_run_brings_the_column_and_the_rows_before_it_keep_their_medium(
    tables, results, verdict, commit
) -> None:
    commit(tables, "run-2", verdict(uri="/in/4", medium="image"), verdict(uri="/in/5", medium=None))
    assert has_column(results)
    for each in (tables, ResultTables(str(results))):
        assert media(each) == {**MEDIA, "/in/4": "image", "/in/5": None}
        assert [run.run_id for run in each.runs()] == ["run-0", "run-1", "run-2"]
    asked = tables.connection().sql("SELECT uri, medium FROM effective_verdicts ORDER BY uri").fetchall()
    assert asked == [(f"/in/{n}", said) for n, said in enumerate([None, None, None, None, "image", ""])]
    assert tables.heal() == DeltaTable(results / "verdicts").version()


def test_they_are_replayed_beside_new_ones(tables, verdict, commit) -> None:
    commit(tables, "run-2", verdict(uri="/in/4", medium="text"))
    found = compare(
        load_policy(SHIPPED_POLICY, find_bundles(SHIPPED_BUNDLES)), (each for each, _ in tables.newest_verdicts())
    )
    assert found.total == 5
    assert found.counts["error", "error"] == 1
    assert found.needs_screening == 4, "these verdicts lack signals that the policy needs, in text and in pictures"


def test_drift_is_measured_from_them_to_new_ones(tables, verdict, commit) -> None:
    commit(tables, "run-2", verdict(uri="/in/4"))
    found = drift(tables, "run-2", "run-0")
    assert (found.run.run_id, found.reference.run_id, found.differs) == ("run-2", "run-0", ())
    assert {each.kind for each in found.too_few} == {"decision", "reason", "score"}


def test_many_who_bring_the_column_at_once_land_each_once(results, committers) -> None:
    running = committers(4, results)
    for number, committer in enumerate(running):
        committer.ask(f"new-{number % 3}", f"/in/new-{number % 3}")
    assert [committer.read() for committer in running] == [
        f'{{"run_id": "new-{number % 3}", "accept": 1}}' for number in range(4)
    ]
    tables = ResultTables(str(results))
    assert sorted(run.run_id for run in tables.runs()) == ["new-0", "new-1", "new-2", "run-0", "run-1"]
    assert len(media(tables)) == 7
