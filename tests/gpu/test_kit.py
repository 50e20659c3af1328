"""The kit for GPUs: rehearsed whole, so that only the hardware is new to it; and what it does where a part fails."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from screening.classifiers.engines import cuda
from tests.gpu import install, parts
from tests.gpu.kit import Found


def kit(out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.gpu", "--provider=cpu", "--scale=0.001", f"--out={out}", *flags]
    return subprocess.run(command, cwd=parts.ROOT, capture_output=True, text=True, check=False)


@pytest.mark.train
@pytest.mark.timeout(900)
def test_without_a_gpu_every_part_is_rehearsed(tmp_path):
    ran = kit(tmp_path, "--patience=5")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = json.loads((tmp_path / "gpu.json").read_text())
    assert list(said["parts"]) == list(parts.PARTS)
    for name, part in said["parts"].items():
        assert part["lines"], name
        assert all(math.isfinite(line["value"]) for line in part["lines"])
    assert said["facts"]["commit"]
    assert "CPUExecutionProvider" in said["facts"]["onnxruntime"]["providers"]
    passed = next(line for line in said["parts"]["suite"]["lines"] if line["what"] == "tests passed")
    assert passed["value"] >= 8  # of each precision, so the tests for GPUs do run in a rehearsal
    table = ran.stdout.rpartition("wanted")[2]
    assert all(re.search(rf"^ *{name} +done ", table, re.M) for name in parts.PARTS)


@pytest.mark.train
def test_a_part_that_takes_too_long_is_stopped_and_the_others_still_run(tmp_path):
    ran = kit(tmp_path, "--patience=0.001", "--only=parity,suite")
    assert ran.returncode == 1
    said = json.loads((tmp_path / "gpu.json").read_text())
    assert [part["failed"][0] for part in said["parts"].values()] == ["it was stopped after its 0 s"] * 2
    assert "parity failed" in ran.stdout
    assert "suite failed" in ran.stdout


def test_an_unknown_part_is_refused(tmp_path):
    ran = kit(tmp_path, "--only=parity,sound")
    assert ran.returncode == 2
    assert "there is no part 'sound'" in ran.stderr


def test_a_command_that_fails_shows_the_end_of_its_output(tmp_path):
    code = "import sys; [print(i) for i in range(99)]; sys.exit('the reason')"
    said = parts.run_command([sys.executable, "-c", code], parts.environment("cpu"), 60, tmp_path / "log")
    assert said["failed"][0] == "it ended with exit code 1"
    assert said["failed"][-1] == "the reason"
    assert len(said["failed"]) == 1 + parts.TAIL


@pytest.mark.slow
def test_what_a_command_started_ends_with_it(tmp_path):
    mark = tmp_path / "alive"
    child = f"import time, pathlib; [(pathlib.Path({str(mark)!r}).touch(), time.sleep(0.05)) for _ in range(600)]"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    seconds = 3
    said = parts.run_command([sys.executable, "-c", code], parts.environment("cpu"), seconds, tmp_path / "log")
    assert said["failed"] == [f"it was stopped after its {seconds} s"]
    mark.unlink()
    time.sleep(1)
    assert not mark.exists()


@pytest.mark.parametrize("value", [2.0, math.nan])
def test_a_bar_that_is_missed_does_not_hold(value):
    found = Found()
    found.at_most("apart", value, 1)
    found.at_least("apart", -value, -1)
    assert [line.held for line in found.lines] == [False, False]


def test_all_is_within_eight_minutes_with_the_installation_and_the_report():
    assert sum(parts.PARTS.values()) + parts.INSTALLATION + parts.REPORT <= 480


def test_the_rehearsal_is_asked_for_as_the_engine_wants_it(monkeypatch):
    assert parts.REHEARSAL == cuda.REHEARSAL
    monkeypatch.setenv(cuda.REHEARSAL, "1")
    assert parts.environment("cpu")[cuda.REHEARSAL] == "1"
    assert cuda.REHEARSAL not in parts.environment("cuda")


def test_the_lock_has_all_that_is_installed_and_nothing_that_the_machine_has():
    lock = install.LOCK.read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9.-]+)==", lock, re.M))
    asked = {install.name(each).lower().replace("_", "-") for each in install.wanted()}
    assert asked <= locked
    assert not {"onnxruntime", "torch", "transformers"} & locked
    assert [name for name in locked if name.startswith(("nvidia-", "cuda-"))] == ["nvidia-curand"]


def test_what_the_machine_has_in_any_version_is_not_forced_on_it():
    missing = {each.partition("==")[0] for each in install.missing()}
    assert "onnxruntime-gpu" in missing
    assert not {"numpy", "pyarrow", "apache-beam", "pydantic-core", "pytest"} & missing
