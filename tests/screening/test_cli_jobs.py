"""`screening screen` and `screening release`: the jobs behind the one front, without an import of them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from screening.cli import GROUP, JOBS, main

ROOT = Path(__file__).parents[2]


def told(flags: Sequence[str]) -> int:
    """A job that says which flags it was given, and ends with a code that no command of ours has."""
    print(json.dumps(list(flags)))
    return 3


def refuses(flags: Sequence[str]) -> int:
    """A job whose pipe breaks."""
    raise BrokenPipeError(str(flags))


FAKES = {name: EntryPoint(name, f"{__name__}:told", GROUP) for name in JOBS}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_gets_its_flags_untouched_and_gives_its_exit_code(name, capsys):
    flags = ["--help", "--input", "a b", "--runner=FlinkRunner", "-x", "--", "results", "--sql"]
    assert main([name, *flags], FAKES) == 3
    assert json.loads(capsys.readouterr().out) == flags


def test_a_job_that_breaks_is_never_taken_for_one_that_is_done():
    with pytest.raises(BrokenPipeError):
        main(["screen"], {"screen": EntryPoint("screen", f"{__name__}:refuses", GROUP)})


def test_help_lists_the_jobs_where_they_are_installed(capsys):
    for jobs, listed in ((FAKES, True), ({}, False)):
        with pytest.raises(SystemExit) as ended:
            main(["--help"], jobs)
        assert ended.value.code == 0
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        for name, said in JOBS.items():
            assert any(line.split() == [name, *said.split()] for line in lines) is listed


@pytest.mark.parametrize("name", JOBS)
def test_where_a_job_is_not_installed_the_command_says_what_to_install(name, capsys):
    assert main([name, "--help"], {}) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"`{name}` needs the jobs and Apache Beam" in err
    assert "pip install content-screening" in err


@pytest.mark.parametrize("name", JOBS)
def test_what_is_declared_are_the_jobs_themselves(name, capsys):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    assert declared.keys() == JOBS.keys()
    jobs = {each: EntryPoint(each, value, GROUP) for each, value in declared.items()}
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"], jobs)
    assert ended.value.code == 0
    assert f"usage: screening {name} [-h]" in capsys.readouterr().out
    assert main([name, "--results"], jobs) == 2
    assert f"screening {name}: argument --results: expected one argument" in capsys.readouterr().err
