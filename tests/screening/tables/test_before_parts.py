"""Tables of the version before verdicts stored their parts (`before_parts`, written by it) are read and go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from screening.classifiers import find_bundles
from screening.drift import drift
from screening.policy import compare, load_policy
from screening.records import Evidence, NotLookedAt, ScreenedPart, Signal
from screening.reviews import explain
from screening.settings import SHIPPED_BUNDLES, SHIPPED_POLICY
from screening.tables import ResultTables, StoredScores
from tests.screening.tables.conftest import FINGERPRINT

STORED = Path(__file__).with_name("before_parts")
PAGE = (ScreenedPart("main", "text", "main", 900, "en"), ScreenedPart("footer", "text", "rest", 40, "de"))


@pytest.fixture
def tables(tmp_path: Path) -> ResultTables:
    shutil.copytree(STORED, tmp_path / "results")
    return ResultTables(str(tmp_path / "results"))


def test_they_are_read_as_verdicts_without_parts(tables) -> None:
    verdicts = {verdict.uri: verdict for verdict, _ in tables.newest_verdicts()}
    assert len(verdicts) == 4
    assert {(verdict.parts, verdict.not_looked_at) for verdict in verdicts.values()} == {((), ())}
    spam = verdicts["/in/3"]
    assert spam.signals == (
        Signal("bundle/starter@0.1.0/spam", "spam", 0.95, Evidence(0, 5, 90, "title included", "")),
    )
    assert spam.thresholds[0].parts == ()
    assert tables.connection().sql("SELECT DISTINCT part FROM signals").fetchall() == [(None,)]
    assert tables.connection().sql("SELECT decision FROM effective_verdicts WHERE uri = '/in/3'").fetchall() == [
        ("reject",)
    ]
    assert explain(tables, "/in/3").decided_by == "reviewer"
    assert len(StoredScores(tables, FINGERPRINT).find("0" * 64)) == 1


def test_another_run_brings_the_columns_and_all_are_read_together(tables, verdict, commit) -> None:
    missed = (NotLookedAt("frame", 3, "a limit"),)
    signal = Signal("bundle/starter@0.1.0/spam", "spam", 0.3, Evidence(0, 1, 9, "", "footer"))
    commit(tables, "run-2", verdict(uri="/in/4", parts=PAGE, not_looked_at=missed, signals=(signal,)))
    again = ResultTables(tables.uri)
    verdicts = {verdict.uri: verdict for verdict, _ in again.newest_verdicts()}
    assert (verdicts["/in/4"].parts, verdicts["/in/4"].not_looked_at) == (PAGE, missed)
    assert verdicts["/in/4"].signals == (signal,)
    assert verdicts["/in/0"].parts == ()
    asked = again.connection().sql("SELECT uri, part FROM signals WHERE part IS NOT NULL").fetchall()
    assert asked == [("/in/4", "footer")]
    said = again.connection().sql(
        "SELECT uri, p.place, p.size FROM effective_verdicts, unnest(parts) AS t(p) WHERE p.role = 'rest'"
    )
    assert said.fetchall() == [("/in/4", "footer", 40)]


def test_they_are_replayed_and_measured_beside_new_ones(tables, verdict, commit) -> None:
    commit(tables, "run-2", verdict(uri="/in/4", parts=PAGE))
    policy = load_policy(SHIPPED_POLICY, find_bundles(SHIPPED_BUNDLES))
    found = compare(policy, (each for each, _ in tables.newest_verdicts()))
    assert (found.total, found.counts["error", "error"], found.needs_screening) == (5, 1, 4)
    assert drift(tables, "run-2", "run-0").differs == ()


def test_drift_is_measured_on_main_parts_only(tables, verdict, commit) -> None:
    def screened(run_id: str, main: float, footer: float) -> None:
        scores = [(main, "main"), (footer, "footer")]
        signals = tuple(
            Signal("bundle/starter@0.1.0/spam", "spam", score, Evidence(0, 1, 9, "", place)) for score, place in scores
        )
        commit(tables, run_id, *(verdict(uri=f"/in/new-{n}", parts=PAGE, signals=signals) for n in range(300)))

    screened("run-2", 0.1, 0.1)
    screened("run-3", 0.1, 0.9)
    screened("run-4", 0.9, 0.1)
    [same], [moved] = (
        [each for each in drift(tables, run, "run-2").shifts if each.kind == "score"] for run in ("run-3", "run-4")
    )
    assert (same.rows, same.psi) == ((300, 300), 0)
    assert (moved.rows, moved.psi > 1) == ((300, 300), True)
