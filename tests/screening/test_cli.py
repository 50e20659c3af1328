"""The command as people and scripts use it: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.cli import main
from screening.commands.output import FORMULAS, show
from screening.records import BundleId, Evidence, Fingerprint, Release, Run, Signal, Threshold, Verdict
from screening.storage import open_store
from screening.tables import ResultTables

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PRINT = Fingerprint("f" * 64, "decode-1", "cpu", (BundleId("text-screen", "0.1.0", "ab" * 32),), "ba", "po")
SPAM = Threshold("scams_and_fraud", "spam", "reject", "high", 0.9, "precision: 0.98")
BASE = Verdict(
    run_id="run-1",
    uri="",
    name="",
    generation=1,
    size=5,
    sha256="0" * 64,
    content_type="text/plain",
    metadata={"uploader": "ann"},
    decision="accept",
    reasons=(),
    detail="",
    signals=(Signal("bundle/text-screen@0.1.0/spam", "spam", 0.95, Evidence(1, 200, 400)),),
    thresholds=(SPAM, replace(SPAM, level="review", score=0.5, origin="recall: 0.95")),
    fingerprint=PRINT,
    screened_at=NOW,
    seconds=0.1,
)


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """A folder with three uploads, one of them with a hostile name."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("good.txt", "bad.txt", "broken.bin", "[red]\x1b[31m\u202egnp.txt"):
        (folder / name).write_text("hello")
    return folder


@pytest.fixture
def results(tmp_path: Path, uploads: Path) -> str:
    """Result tables that hold one run over these uploads."""
    tables = ResultTables(str(tmp_path / "results"))
    verdicts = []
    for upload in open_store(str(uploads)).list(str(uploads)):
        decision, reasons = {"bad.txt": ("reject", ("spam",)), "broken.bin": ("error", ("unsupported_type",))}.get(
            upload.name, ("accept", ())
        )
        verdicts.append(
            replace(
                BASE, uri=upload.uri, name=upload.name, generation=upload.generation, decision=decision, reasons=reasons
            )  # type: ignore[arg-type]
        )
    part = tables.write_part("run-1", verdicts)
    tables.commit_run(Run("run-1", str(uploads), 4, 0, 2, 0, 1, 1, PRINT.digest, "po", NOW, NOW), [part])
    return tables.uri


@pytest.fixture
def screening(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command in this process: exit code, standard output and standard error."""

    def run(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(argv)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return (code, *capsys.readouterr())

    return run


def test_results_shows_the_latest_run_with_one_line_an_upload(screening, results) -> None:
    code, out, err = screening("results", "--results", results)
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines() if ".txt" in line][1:] == [
        ["bad.txt", "reject"],
        ["good.txt", "accept"],
    ]


def test_a_hostile_name_can_neither_steer_the_terminal_nor_be_read_as_markup(screening, results) -> None:
    for argv in (["results", "--results", results], ["explain", "[red]\x1b[31m\u202egnp.txt", "--results", results]):
        _, out, _ = screening(*argv)
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "[red]\\x1b[31m\\u202egnp.txt" in out


def test_results_as_csv_and_json_hold_the_same_rows(screening, results) -> None:
    sql = "SELECT name, decision, reasons, metadata, size, screened_at FROM verdicts ORDER BY name"
    _, out, _ = screening("results", "--results", results, "--sql", sql, "--format", "json")
    rows = json.loads(out)
    assert rows[1] == {
        "name": "bad.txt", "decision": "reject", "reasons": ["spam"], "metadata": {"uploader": "ann"}, "size": 5,
        "screened_at": "2026-03-01T00:00:00+00:00",
    }  # fmt: skip
    _, out, _ = screening("results", "--results", results, "--sql", sql, "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(out)))
    assert [line["name"] for line in lines] == [row["name"] for row in rows]
    assert json.loads(lines[1]["reasons"]) == ["spam"]


@pytest.mark.parametrize("lead", [*"=+-@\t\r\n", "＝", "＋", "－", "＠"])
def test_a_spreadsheet_runs_no_cell_and_no_heading_of_a_csv(screening, results, lead) -> None:
    said = lead + 'HYPERLINK("http://x","a,b")'
    sql = f"""SELECT '{said}' AS "{lead}head", -0.5 AS score, -3 AS n, -1.25::DECIMAL(9, 2) AS d, 'a\r=1' AS cut,
              ['{lead}x'] AS list, NULL AS none, 'a{lead}b' AS inside, -1e300 AS large, TRUE AS yes"""
    _, out, _ = screening("results", "--results", results, "--sql", sql, "--format", "csv")
    heading, row = csv.reader(io.StringIO(out, newline=""))
    assert heading[0] == f"'{lead}head"
    assert row[0] == f"'{said}", "as it was, behind a quote"
    assert row[1:4] == ["-0.5", "-3", "-1.25"], "numbers stay numbers"
    assert row[4] == "a\r=1", "one cell, not the first of a new row"
    assert json.loads(row[5]) == [f"{lead}x"]
    assert row[6:] == ["", f"a{lead}b", "-1e+300", "True"]


@given(st.lists(st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False), min_size=1, max_size=5))
def test_no_cell_of_text_begins_a_formula_and_none_is_lost(cells) -> None:
    table = pa.table({f"c{i}": [cell] for i, cell in enumerate(cells)})
    with contextlib.redirect_stdout(io.StringIO(newline="")) as out:
        show(table.to_reader(), "csv", 0)
    _, row = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert len(row) == len(cells)
    for found, cell in zip(row, cells, strict=True):
        if isinstance(cell, str):
            assert not found.startswith(FORMULAS)
            assert found.removeprefix("'") == cell.removeprefix("'")
        else:
            assert type(cell)(found) == cell


def test_results_without_rows_are_still_valid_output(screening, results) -> None:
    sql = "SELECT name FROM verdicts WHERE false"
    assert screening("results", "--results", results, "--sql", sql, "--format", "json")[1] == "[]\n"
    assert screening("results", "--results", results, "--sql", sql, "--format", "csv")[1] == "name\n"


def test_a_long_table_stops_at_the_limit_and_says_so(screening, results) -> None:
    code, out, err = screening("results", "--results", results, "--limit", "2")
    assert (code, out.count(".txt") + out.count(".bin")) == (0, 2)
    assert "--limit 0 shows all" in err
    assert screening("results", "--results", results, "--limit", "0")[2] == ""


def test_a_run_that_found_nothing_new_is_passed_over_with_a_word(screening, results) -> None:
    ResultTables(results).commit_run(Run("run-2", "/in", 4, 4, 0, 0, 0, 0, "f", "p", NOW, NOW), [])
    code, out, err = screening("results", "--results", results)
    assert (code, "bad.txt" in out) == (0, True)
    assert "run-2 found nothing new" in err


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DROP VIEW verdicts", "only ever read"),
        ("SELECT 1; SELECT 2", "only ever read"),
        ("SELECT nothing FROM verdicts", "nothing"),
        ("SELECT CAST(name AS INTEGER) FROM verdicts WHERE name LIKE '[%'", "\\x1b"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled"),
    ],
)
def test_sql_that_is_wrong_or_would_change_anything_is_refused(screening, results, sql, says) -> None:
    code, out, err = screening("results", "--results", results, "--sql", sql)
    assert (code, out) == (2, "")
    assert says in err
    assert "\x1b" not in err
    assert "Traceback" not in err


def test_a_folder_without_results_is_explained(screening, tmp_path) -> None:
    for argv in (["results"], ["explain", "x"], ["review", "x", "--decision", "uphold", "--reason", "y"]):
        code, _, err = screening(*argv, "--results", str(tmp_path / "none"))
        assert code == 2
        assert "no result tables" in err
    assert not (tmp_path / "none").exists()


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
    assert found["verdict"]["signals"][0]["evidence"] == {"window": 1, "start": 200, "end": 400, "note": ""}
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


def test_the_command_is_there_and_a_closed_pipe_is_no_error(results) -> None:
    sql = "SELECT * FROM range(200000)"
    argv = [sys.executable, "-m", "screening", "results", "--results", results, "--format", "csv", "--sql", sql]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "range\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


def test_the_environment_names_the_results(results) -> None:
    env = os.environ | {"SCREENING_RESULTS": results}
    argv = [sys.executable, "-m", "screening", "results", "--sql", "SELECT count(*) AS n FROM runs", "--format", "csv"]
    assert subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout == "n\n1\n"
