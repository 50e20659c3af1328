"""`screening file`: the whole decision on files and folders, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from screening.cli import main
from tests.screening.classifiers.tiny import text_bundle

POLICY = """\
policy: test
version: 1
languages: [en]
categories:
  - {id: hate, signal: hate, review: 0.5}
  - {id: too_short, signal: too_short, reject: 3, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}
"""
PROSE = "The river rose after a week of heavy rain and the old bridge was closed to all traffic on Friday morning. "


@pytest.fixture
def screening(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `screening file` under a small policy and bundle."""
    text_bundle(tmp_path / "bundles" / "tiny")
    (tmp_path / "policy.yaml").write_text(POLICY)
    setting = (
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--bundles",
        str(tmp_path / "bundles"),
        "--engine",
        "onnxruntime",
    )

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(("file", *argv, *setting))
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "more").mkdir(parents=True)
    (folder / "good.txt").write_text(PROSE * 2)
    (folder / "more" / "short.txt").write_text("Too short")
    (folder / "odd\x1b[31m.bin").write_bytes(bytes(range(256)))
    return folder


def test_files_and_folders_get_a_line_each(screening, uploads) -> None:
    code, out, err = screening(str(uploads / "good.txt"), str(uploads))
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["accept", "good.txt"]
    assert lines[1] == ["accept", "good.txt"]
    assert ["reject", "more/short.txt", "too_short"] in lines
    assert [line[:2] for line in lines if line[0] == "error"] == [["error", "odd\\x1b[31m.bin"]]


def test_json_is_a_whole_verdict_a_line(screening, uploads) -> None:
    code, out, _ = screening(str(uploads), "--format", "json")
    assert code == 0
    verdicts = {verdict["name"]: verdict for verdict in map(json.loads, out.splitlines())}
    assert verdicts["more/short.txt"]["reasons"] == ["too_short"]
    assert {signal["label"] for signal in verdicts["good.txt"]["signals"]} >= {"hate", "too_short"}
    assert verdicts["good.txt"]["provenance"]["bundles"]


def test_a_path_that_is_not_there_is_refused(screening, tmp_path) -> None:
    code, out, err = screening(str(tmp_path / "none"))
    assert (code, out) == (2, "")
    assert "no such folder" in err
