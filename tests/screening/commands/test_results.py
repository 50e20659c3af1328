"""`results`: what it prints and what it refuses, and that nobody's name steers a terminal or a spreadsheet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.commands.output import FORMULAS, show
from screening.records import Run
from screening.tables import ResultTables
from tests.screening.commands.conftest import NOW


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
