"""Drift is told where there is some, and not where there is none, or too little to tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from screening.cli import main
from screening.drift import measure as module
from screening.drift.measure import GROUPS, ROWS, drift
from screening.errors import ConfigError
from screening.records import BundleId, Evidence, Fingerprint, Run, Signal, Verdict
from screening.tables import ResultTables

START = datetime(2026, 3, 1, tzinfo=UTC)
PRINT = Fingerprint("f" * 64, "decode-1", "cpu", (BundleId("text-screen", "1.0.0", "ab" * 32),), "ba" * 32, "po" * 32)
SPAM = "bundle/text-screen@1.0.0/spam"

Screened = Callable[..., Run]


def a_verdict(run_id: str, name: str, score: float, language: str = "en", **changes) -> Verdict:
    spam = score > 0.9
    base = Verdict(
        run_id=run_id,
        uri=f"/in/{name}",
        name=name,
        generation=1,
        size=1,
        sha256="0" * 64,
        content_type="text/plain",
        metadata={},
        decision="reject" if spam else "accept",
        reasons=("scams_and_fraud",) if spam else (),
        detail="",
        signals=(
            Signal(SPAM, "spam", score),
            Signal("check/unknown_language@2", "unknown_language", 0.0, Evidence(note=language)),
        ),
        thresholds=(),
        fingerprint=PRINT,
        screened_at=START,
        seconds=0.1,
        medium="text",
    )
    return replace(base, **changes)


@pytest.fixture
def tables(tmp_path) -> ResultTables:
    return ResultTables(str(tmp_path / "results"))


@pytest.fixture
def screened(tables) -> Screened:
    """Commits a run of verdicts."""

    def commit(run_id: str, verdicts, source: str = "/in", made_by: Fingerprint = PRINT) -> Run:
        part = tables.write_part(run_id, (replace(each, run_id=run_id, fingerprint=made_by) for each in verdicts))
        run = Run(run_id, source, part.rows, 0, **part.counts, fingerprint=made_by.digest, policy=made_by.policy,
                  started_at=START, committed_at=START + timedelta(minutes=1))  # fmt: skip
        return tables.commit_run(run, [part])

    return commit


def some(number: int, seed: int = 0, spam: float = 0.1, folder: str = "news", language: str = "en") -> list[Verdict]:
    """Verdicts of which a share is spam."""
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random(number) < spam, rng.uniform(0.9, 1, number), rng.beta(1, 8, number) * 0.9)
    return [a_verdict("", f"{folder}/{seed}-{i}", float(score), language) for i, score in enumerate(scores)]


def test_two_halves_of_the_same_uploads_do_not_drift(tables, screened):
    uploads = some(2000)
    screened("one", uploads[::2])
    screened("two", uploads[1::2])
    found = drift(tables)
    assert (found.run.run_id, found.reference.run_id) == ("two", "one")
    assert {shift.kind for shift in found.shifts} == {"score", "decision", "reason"}
    assert not found.past(0.01)
    assert all(shift.rows == (1000, 1000) for shift in found.shifts)
    assert found.differs == ()


def test_more_spam_is_told_with_what_moved(tables, screened):
    screened("one", some(1000))
    screened("two", some(1000, seed=1, spam=0.5))
    found = {(shift.kind, shift.label): shift for shift in drift(tables).past(0.2)}
    assert found.keys() == {("score", "spam"), ("decision", ""), ("reason", "")}
    spam = found["score", "spam"]
    assert spam.source == SPAM
    assert spam.interval.low < spam.psi < spam.interval.high
    assert spam.most.endswith("< score")
    assert spam.shares == pytest.approx((0.1, 0.45), abs=0.1)
    assert found["reason", ""].most in {"(none)", "scams_and_fraud"}
    assert abs(found["decision", ""].shares[1] - found["decision", ""].shares[0]) == pytest.approx(0.4, abs=0.06)


def test_scores_that_all_were_alike_and_no_longer_are(tables, screened):
    alike = [replace(each, signals=(Signal("check/x@1", "x", 0.5),)) for each in some(200)]
    screened("one", alike)
    screened("two", [replace(each, signals=(Signal("check/x@1", "x", 0.4),)) for each in alike])
    [shift] = drift(tables).past(0.2)
    assert (shift.label, shift.shares) == ("x", (0.0, 1.0))


def test_of_few_rows_nothing_is_said_but_that(tables, screened):
    screened("one", some(ROWS - 1))
    screened("two", some(ROWS - 1, seed=1, spam=1.0))
    found = drift(tables)
    assert found.shifts == ()
    assert {(each.kind, each.rows) for each in found.too_few} == {
        (kind, (ROWS - 1, ROWS - 1)) for kind in ("score", "decision", "reason")
    }


@pytest.mark.parametrize("seed", range(5))
def test_noise_in_a_small_run_is_no_alarm(tables, screened, seed):
    screened("one", some(2000))
    screened("two", some(ROWS + 10, seed=seed + 10))
    assert not drift(tables).past(0.2)


def test_drift_of_one_source_does_not_hide_in_the_whole(tables, screened):
    calm = [replace(each, metadata={"source": "agency"}) for each in some(3000, folder="x")]
    screened("one", calm + some(300, seed=1, folder="blog"))
    screened("two", calm + some(300, seed=2, spam=0.6, folder="blog"))
    assert not drift(tables).past(0.2)
    found = drift(tables, by="source")
    assert {shift.group for shift in found.past(0.2)} == {"blog"}
    assert {shift.group for shift in found.shifts} == {"", "agency", "blog"}


def test_drift_of_one_language(tables, screened):
    screened("one", some(1000) + some(200, seed=1, language="de"))
    screened("two", some(1000) + some(200, seed=2, language="de", spam=0.7))
    assert {shift.group for shift in drift(tables, by="language").past(0.2)} == {"de"}


def test_a_signal_that_only_one_run_has_is_named(tables, screened):
    screened("one", some(100))
    screened("two", [replace(each, signals=(*each.signals, Signal("check/new@1", "new", 1.0))) for each in some(100)])
    assert [(each.label, each.rows) for each in drift(tables).too_few] == [("new", (0, 100))]


def test_uploads_without_any_signal_still_have_decisions(tables, screened):
    held = [replace(each, signals=(), decision="error", reasons=("undecodable",)) for each in some(100)]
    screened("one", held)
    screened("two", held)
    assert {(shift.kind, shift.psi) for shift in drift(tables).shifts} == {("decision", 0.0), ("reason", 0.0)}


def test_the_reference_is_the_newest_of_the_same_kind(tables, screened):
    other = replace(PRINT, bundles=(BundleId("text-screen", "2.0.0", "cd" * 32),))
    screened("one", some(100))
    screened("elsewhere", some(100), source="/other")
    screened("newer-bundle", some(100), made_by=other)
    screened("nothing", [])
    screened("policy", some(100), made_by=replace(PRINT, policy="other"))
    found = drift(tables)
    assert (found.run.run_id, found.reference.run_id, found.differs) == ("policy", "one", ("policy",))
    assert drift(tables, "policy", "newer-bundle").differs == ("bundles", "policy")
    for run_id in ("one", "elsewhere", "newer-bundle"):
        with pytest.raises(ConfigError, match="no run before"):
            drift(tables, run_id)


def test_small_groups_beyond_the_largest_are_counted(tables, screened):
    uploads = [each for more in range(GROUPS + 3) for each in some(100 + more, folder=f"folder{more:02}")]
    screened("one", uploads)
    screened("two", uploads)
    found = drift(tables, by="source")
    assert {shift.group for shift in found.shifts} == {"", *(f"folder{more:02}" for more in range(3, GROUPS + 3))}
    assert found.groups_left == 3


def test_bins_come_from_a_sample_and_every_row_is_counted(tables, screened, monkeypatch):
    # The real sample is 100,000 uploads.
    monkeypatch.setattr(module, "SAMPLE", 100)
    screened("one", some(2000))
    screened("two", some(2000, seed=1, spam=0.4))
    [spam] = [shift for shift in drift(tables).past(0.2) if shift.label == "spam"]
    assert spam.rows == (2000, 2000)


class TestCommand:
    def ask(self, tables, *flags: str) -> int:
        return main(["drift", "--results", tables.uri, *flags])

    def test_no_drift_is_0_and_says_against_what(self, tables, screened, capsys):
        uploads = some(1000)
        screened("one", uploads[::2])
        screened("two", uploads[1::2])
        assert self.ask(tables) == 0
        out = capsys.readouterr().out
        assert "run two against one (the newest before it on the same input, with the same bundles)" in out
        assert "0 of 4 distributions moved past 0.2" in out

    def test_drift_is_1_and_the_bound_decides(self, tables, screened, capsys):
        screened("one", some(1000))
        screened("two", some(1000, seed=1, spam=0.5))
        assert self.ask(tables, "--reference", "one") == 1
        assert "3 of 4 distributions moved past 0.2" in capsys.readouterr().out
        assert self.ask(tables, "--bound", "5") == 0

    def test_for_programs_everything(self, tables, screened, capsys):
        screened("one", some(200))
        screened("two", some(200, seed=1, spam=0.9) + some(10, folder="few"))
        assert self.ask(tables, "--json", "--by", "source") == 1
        found = json.loads(capsys.readouterr().out)
        assert (found["run"], found["reference"], found["bound"], found["drifted"]) == ("two", "one", 0.2, True)
        first = found["shifts"][0]
        assert first["past"]
        assert 0.2 < first["interval"]["low"] < first["psi"] < first["interval"]["high"]
        assert {each["group"] for each in found["too_few"]} == {"few"}

    def test_what_is_not_compared_is_said(self, tables, screened, capsys):
        screened("one", some(20))
        screened("two", some(20))
        assert self.ask(tables) == 0
        assert "4 not compared" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("flags", "says"),
        [
            (["--run", "gone"], "run gone is not committed"),
            (["--reference", "gone"], "run gone is not committed"),
            (["--run", "one"], "give a run with --reference"),
            (["--run", "one", "--reference", "one"], "its own reference"),
            (["--bound", "0"], "--bound 0.0 is not usable"),
            (["--bound", "nan"], "--bound nan is not usable"),
        ],
    )
    def test_what_can_not_be_compared_is_2(self, tables, screened, capsys, flags, says):
        screened("one", some(100))
        assert self.ask(tables, *flags) == 2
        assert says in capsys.readouterr().err

    def test_no_tables_are_2(self, tables, capsys):
        assert self.ask(tables) == 2
        assert "screen something first" in capsys.readouterr().err
