"""`explain` says why a verdict stands, and `review` puts a person's decision above it."""

from __future__ import annotations

import json

import pytest

from screening.records import Release
from screening.tables import ResultTables
from tests.screening.commands.conftest import NOW


def test_explain_says_why(screening, results, uploads) -> None:
    code, out, _ = screening("explain", str(uploads / "bad.txt"), "--results", results)
    assert code == 0
    for said in ("reject", "spam", "0.95", "≥ 0.9", "≥ 0.5", "window 1, characters 200-400", "ff" * 32, "ab" * 32,
                 "decode-1", "uploader=ann", "run-1", "still the one that was screened"):  # fmt: skip
        assert said in out, said


@pytest.mark.usefixtures("results")
def test_explain_takes_a_relative_path_or_a_name(screening, uploads, monkeypatch) -> None:
    monkeypatch.chdir(uploads.parent)
    relative = screening("explain", "in/bad.txt", "--results", "results")
    assert relative[0] == 0
    assert screening("explain", "bad.txt", "--results", "results") == relative


def test_explain_says_what_became_of_the_object(screening, results, uploads) -> None:
    tables = ResultTables(results)
    tables.append_releases(
        [Release("rel-1", "run-1", str(uploads / "bad.txt"), 1, "", "reject", "quarantine", "/q/bad.txt", "", NOW)],
    )
    path = uploads / "bad.txt"
    path.rename(uploads / "kept")
    path.write_text("other bytes")
    out = screening("explain", str(path), "--results", results)[1]
    assert "quarantine /q/bad.txt" in out
    assert "was replaced" in out
    path.unlink()
    assert "is gone" in screening("explain", str(path), "--results", results)[1]


def test_explain_as_json_is_the_whole_verdict(screening, results, uploads) -> None:
    found = json.loads(screening("explain", str(uploads / "bad.txt"), "--results", results, "--format", "json")[1])
    evidence = {"window": 1, "start": 200, "end": 400, "note": "", "part": ""}
    assert found["verdict"]["signals"][0]["evidence"] == evidence
    assert (found["decision"], found["decided_by"]) == ("reject", "machine")


def test_an_unknown_upload_is_refused(screening, results) -> None:
    for argv in (["explain", "none.txt"], ["review", "none.txt", "--decision", "uphold", "--reason", "x"]):
        code, _, err = screening(*argv, "--results", results)
        assert code == 2
        assert "no committed verdict on" in err


def test_a_review_stands_above_the_verdict_and_changes_none(screening, results, uploads) -> None:
    path = str(uploads / "bad.txt")
    before = ResultTables(results).verdicts(path)
    argv = ("--results", results, "--reason", "a parody", "--reviewer", "bob")
    code, out, _ = screening("review", path, "--decision", "overturn", *argv)
    assert (code, out) == (0, f"{path}: reject, overturn -> accept\n")
    assert ResultTables(results).verdicts(path) == before
    (review,) = ResultTables(results).reviews(path)
    assert (review.run_id, review.generation, review.reviewer, review.reason) == (
        "run-1", before[0].generation, "bob", "a parody",
    )  # fmt: skip
    out = screening("explain", path, "--results", results)[1]
    assert "the machine said reject" in out
    assert "overturn by bob" in out
    code, out, _ = screening("review", path, "--decision", "uphold", *argv)
    assert out.endswith("reject, uphold -> reject\n")


def test_an_error_can_not_be_overturned(screening, results, uploads) -> None:
    path = str(uploads / "broken.bin")
    code, _, err = screening("review", path, "--decision", "overturn", "--reason", "x", "--results", results)
    assert code == 2
    assert "unsupported_type" in err
    assert ResultTables(results).reviews(path) == []


def test_a_review_of_a_verdict_that_is_no_longer_the_newest_is_refused(screening, results, uploads) -> None:
    path = str(uploads / "bad.txt")
    argv = ("--decision", "overturn", "--reason", "x", "--results", results)
    code, _, err = screening("review", path, *argv, "--run-id", "run-0")
    assert code == 2
    assert "of run run-1" in err
    assert screening("review", path, *argv, "--run-id", "run-1")[0] == 0


@pytest.mark.parametrize("argv", [["--reason", " "], ["--reason", "x", "--decision", "approve"], []])
def test_a_review_needs_a_decision_and_a_reason(screening, results, uploads, argv) -> None:
    path = str(uploads / "bad.txt")
    given = ["--decision", "uphold", *argv, "--results", results]
    assert screening("review", path, *given)[0] == 2
    assert ResultTables(results).reviews(path) == []
