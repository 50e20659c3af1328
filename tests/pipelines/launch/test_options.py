"""The flags of both jobs: two spellings, and switches that a template can pass."""

from __future__ import annotations

import pytest

from pipelines import release, screen
from pipelines.launch import options
from screening.errors import ConfigError

NEEDED = {"screen": ["--input=in", "--results=out"], "release": ["--results=out", "--mode=label"]}
JOBS = {"screen": screen.parse, "release": release.parse}


@pytest.mark.parametrize("job", JOBS)
def test_every_flag_may_be_written_with_underscores(job):
    """A template's parameters are names in which no `-` may stand."""
    _, _, parser = JOBS[job](NEEDED[job])
    for action in parser._actions:
        names = {name.removeprefix("--") for name in action.option_strings if name != "-h"}
        assert {name.replace("-", "_") for name in names} <= names


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], False),
        (["--reuse-scores"], True),
        (["--reuse_scores=true"], True),
        (["--reuse_scores", "True"], True),
        (["--reuse-scores=false"], False),
        (["--reuse-scores", "--run-id=r"], True),
    ],
)
def test_a_switch_stands_alone_or_takes_true_or_false(given, found):
    own, rest, _ = screen.parse([*NEEDED["screen"], *given])
    assert own.reuse_scores is found
    assert rest == []


def test_a_switch_takes_nothing_else():
    with pytest.raises(ConfigError, match="'yes' is neither true nor false"):
        screen.parse([*NEEDED["screen"], "--reuse-scores=yes"])


def test_plan_is_a_switch():
    assert release.parse([*NEEDED["release"], "--plan=true"])[0].plan is True
    assert release.parse([*NEEDED["release"], "--plan=false"])[0].plan is False


def test_help_names_the_values(capsys):
    parser = options.parser("x", "")
    options.switch(parser, "--some-thing", help="does it")
    parser.print_help()
    assert "--some-thing [true|false]" in capsys.readouterr().out
