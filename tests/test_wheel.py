"""The product as people install it: a wheel, an old pip, an empty environment, and what is declared, nothing more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD_PIP = "23.2.1"


def run(command: Sequence[str | Path], folder: Path) -> str:
    """What a command says on its standard output, run in `folder` without a path to the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.wheel
@pytest.mark.timeout(1800)
def test_a_wheel_in_an_empty_environment_gives_every_sample_its_verdict(tmp_path):
    source, empty = tmp_path / "source", tmp_path / "empty"
    for name in ("screening", "pipelines", "models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    empty.mkdir()
    wheels = tmp_path / "wheels"
    run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, "."], source)
    [wheel] = wheels.iterdir()

    python = tmp_path / "venv" / "bin" / "python"
    run([sys.executable, "-m", "venv", tmp_path / "venv"], empty)
    run([python, "-m", "pip", "install", f"pip=={OLD_PIP}"], empty)
    assert f"pip {OLD_PIP} " in run([python, "-m", "pip", "--version"], empty)
    run([python, "-m", "pip", "install", wheel], empty)
    run([python, "-m", "pip", "check"], empty)

    home = Path(run([python, "-c", "import screening; print(screening.__path__[0])"], empty).strip())
    assert home.is_relative_to(tmp_path / "venv")
    said = run([python.parent / "screening", "file", "--format", "json", home / "samples" / "uploads"], empty)
    found = {row["name"]: row for row in map(json.loads, said.splitlines())}
    expected = {row["name"]: row for row in map(json.loads, (home / "samples" / "expected.jsonl").open())}
    assert (home / "samples" / "expected.jsonl").read_bytes() == (
        ROOT / "screening/samples/expected.jsonl"
    ).read_bytes()
    outcome = {name: (row["decision"], row["reasons"]) for name, row in found.items()}
    golden = {name: row.get("today", row) for name, row in expected.items()}
    assert outcome == {name: (row["decision"], row["reasons"]) for name, row in golden.items()}
    assert list(empty.iterdir()) == []
