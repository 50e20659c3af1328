"""`screening` as a library: the front door as a program uses it, under the policy and bundles that ship or its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import screening
from screening import api
from screening.errors import ConfigError, UploadError
from screening.records import Verdict
from tests.screening.classifiers.tiny import text_bundle

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "screening" / "samples" / "uploads"
POLICY = """\
policy: test
version: 1
languages: [en]
limits: {max_bytes: 2000}
categories:
  - {id: hate, signal: hate, review: 0.5}
  - {id: too_short, signal: too_short, reject: 3, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}
"""
PROSE = "The river rose after a week of heavy rain and the old bridge was closed to all traffic on Friday morning. "


def python(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A policy and a bundle of one's own."""
    folder = tmp_path_factory.mktemp("own")
    text_bundle(folder / "bundles" / "tiny")
    (folder / "policy.yaml").write_text(POLICY)
    return {"policy": folder / "policy.yaml", "bundles": folder / "bundles"}


@pytest.fixture(scope="module")
def screener(own: dict[str, Path]) -> Iterator[screening.Session]:
    with screening.open(**own, engine="onnxruntime") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "more").mkdir(parents=True)
    (tmp_path / "in" / "good.txt").write_text(PROSE * 2)
    (tmp_path / "in" / "more" / "short.txt").write_text("Too short")
    (tmp_path / "in" / "more" / "big.txt").write_text(PROSE * 100)
    return tmp_path / "in"


def outcome(verdict: Verdict) -> tuple[str, str, tuple[str, ...]]:
    return verdict.name, verdict.decision, verdict.reasons


def test_a_file_gets_its_verdict(screener, folder):
    verdict = screener.file(folder / "good.txt")
    assert outcome(verdict) == ("good.txt", "accept", ())
    assert verdict.uri == str(folder / "good.txt")
    assert verdict.run_id == "library"
    assert outcome(screener.file(str(folder / "more" / "short.txt"))) == ("short.txt", "reject", ("too_short",))


def test_files_and_folders_get_theirs_in_order(screener, folder):
    found = [outcome(verdict) for verdict in screener.files(folder / "good.txt", folder)]
    assert found[:2] == [("good.txt", "accept", ())] * 2
    assert sorted(found[2:]) == [
        ("more/big.txt", "error", ("too_large",)),
        ("more/short.txt", "reject", ("too_short",)),
    ]
    assert list(screener.files()) == []


def test_bytes_that_lie_nowhere_get_the_verdict_of_the_same_file(screener, folder):
    stored = screener.file(folder / "good.txt")
    given = screener.data((folder / "good.txt").read_bytes(), "good.txt")
    assert (given.uri, given.generation) == ("", 0)
    same = {name: getattr(stored, name) for name in ("uri", "generation", "screened_at", "seconds")}
    assert replace(given, **same) == stored
    big = screener.data((folder / "more" / "big.txt").read_bytes(), "big.txt")
    assert (big.decision, big.reasons, big.sha256) == ("error", ("too_large",), "")
    assert big.detail == screener.file(folder / "more" / "big.txt").detail
    assert outcome(screener.data(b"", "empty.txt"))[1] == "error"


def test_threads_may_share_it(screener):
    texts = [f"{PROSE}{number} {PROSE}".encode() for number in range(24)]
    alone = [screener.data(text, "a.txt") for text in texts]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda text: screener.data(text, "a.txt"), texts))
    for one, other in zip(alone, together, strict=True):
        assert replace(other, screened_at=one.screened_at, seconds=one.seconds) == one


def test_what_is_not_there_is_said(screener, tmp_path):
    with pytest.raises(UploadError, match="not_found"):
        screener.file(tmp_path / "none.txt")
    with pytest.raises(ConfigError, match="no such folder"):
        list(screener.files(tmp_path / "none"))
    with pytest.raises(screening.ScreeningError, match="s3:// is not supported"):
        screener.files("s3://bucket/a.txt")


def test_what_is_wrong_is_said_when_it_is_opened(own, tmp_path):
    with pytest.raises(ConfigError, match="engine"):
        screening.open(**own, engine="steam")
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        screening.open(policy=tmp_path / "none.yaml", bundles=[own["bundles"]])


def test_the_lines_of_the_docstring_run(tmp_path):
    shown = re.search(r"\n\n((?:    .*\n|\n)+)", api.__doc__ or "")
    assert shown is not None
    shutil.copy(SAMPLES / "photos" / "meadow.jpg", tmp_path / "upload.jpg")
    lines = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{textwrap.dedent(shown[1])}"
    assert python("-c", lines, cwd=tmp_path) == "accept\n"


def test_the_package_alone_loads_nothing_of_what_decides():
    loaded = python("-c", "import sys, screening; print(*sorted({name.split('.')[0] for name in sys.modules}))").split()
    assert "screening" in loaded
    assert not {"numpy", "onnxruntime", "pyarrow", "PIL", "lxml", "pydantic"} & set(loaded)


def test_the_package_says_what_it_has():
    assert {name: getattr(screening, name).__module__ for name in screening.__all__} == {
        "ScreeningError": "screening.errors",
        "Session": "screening.api",
        "Verdict": "screening.records",
        "open": "screening.api",
    }
    with pytest.raises(AttributeError, match="has no attribute 'close'"):
        _ = screening.close
    assert (ROOT / "screening" / "py.typed").is_file()
