"""The flags of the jobs. All are checked before anything is read, and an unknown flag stops the job."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NoReturn

from pipelines import beam
from pipelines.beam import DirectOptions, PipelineOptions, StandardOptions
from pipelines.launch.logs import log_json
from screening import storage
from screening.errors import ConfigError, ScreeningError
from screening.hardware import cores_here
from screening.tables.scan import clearly

# DirectRunner first tries to fetch another runner over the network, so local runs name this one outright.
LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
_LOCAL_NAMES = (None, "", "DirectRunner", "FnApiRunner", LOCAL_RUNNER)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, fix=f"see {self.prog} --help")


def parser(prog: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that raises ConfigError for errors and accepts no abbreviations."""
    return _Parser(
        prog=prog,
        description=description,
        allow_abbrev=False,
        epilog="Every other flag is Beam's, for example --runner.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def switch(parser: argparse.ArgumentParser, flag: str, *, help: str) -> None:
    """Add a switch: `--flag`, or as a template passes it, `--flag=true` or `--flag=false`; `_` may stand for `-`."""
    names = dict.fromkeys((flag, "--" + flag[2:].replace("-", "_")))
    parser.add_argument(*names, nargs="?", type=_truth, const=True, default=False, metavar="true|false", help=help)


def _truth(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false") from None


def names(own: argparse.ArgumentParser) -> set[str]:
    """Return every flag of the job and of Beam, in each spelling."""
    return {name for one in (beam.flags(), own) for action in one._actions for name in action.option_strings}


def beam_options(flags: Sequence[str], own: argparse.ArgumentParser) -> PipelineOptions:
    """Return Beam's options from the flags that are not the job's own. Raises ConfigError for an unknown flag."""
    known, there = beam.flags(), names(own)
    for flag in flags:
        name = flag.partition("=")[0]
        if name.startswith("--") and name not in there:
            near = difflib.get_close_matches(name, sorted(there), n=1)
            raise ConfigError(
                f"unknown flag {name}", fix=f"did you mean {near[0]}?" if near else "see --help for the flags"
            )
        if not name.startswith("-") and not _is_value(flags, flag, known):
            raise ConfigError(f"unexpected argument {flag!r}", fix="every argument must belong to a flag")
    options = PipelineOptions(list(flags))
    if options.view_as(StandardOptions).runner in _LOCAL_NAMES:
        options.view_as(StandardOptions).runner = LOCAL_RUNNER
    return options


def _is_value(flags: Sequence[str], flag: str, known: argparse.ArgumentParser) -> bool:
    before = flags[flags.index(flag) - 1] if flags.index(flag) else ""
    return before.startswith("--") and "=" not in before and before in known._option_string_actions


def cores(given: int, options: PipelineOptions) -> int:
    """Return the cores for each worker process: those asked for, or an equal share for each local process.

    0 leaves it to the worker, which uses all that it may. Raises ConfigError for a negative number.
    """
    if given < 0:
        raise ConfigError(f"--cores {given} is not usable", fix="use a number of cores, or 0 for all that there are")
    local = options.view_as(DirectOptions)
    if local.direct_num_workers == 0:
        local.direct_num_workers = cores_here()  # Beam would take the host's cores, even if the container has fewer
    if given or not is_local(options) or local.direct_running_mode != "multi_processing":
        return given
    return max(1, cores_here() // max(1, int(local.direct_num_workers)))


def is_local(options: PipelineOptions) -> bool:
    """Return whether the job runs in this process and its children."""
    return bool(options.view_as(StandardOptions).runner == LOCAL_RUNNER)


def named_place(uri: str) -> str:
    """Return the place that a flag names, as workers will see it too; see `screening.storage.place`."""
    return storage.place(os.path.expandvars(uri))


def apart(flag: str, inner: str, other: str, outer: str) -> None:
    """Raise ConfigError if one place is or contains the other: a job would screen or release its own output."""
    if storage.overlap(inner, outer):
        raise ConfigError(f"{flag} {inner} and {other} {outer} overlap", fix="use two separate places")


def run_id(given: str, prefix: str = "") -> str:
    """Return the given id, or a new one that sorts by time. Raises ConfigError if it can't be part of a file name."""
    if given and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", given):
        raise ConfigError(f"--run-id {given!r} is not usable", fix="use up to 100 letters, digits, '.', '_' and '-'")
    return given or f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def command(name: str, run: Callable[[Sequence[str]], int], argv: Sequence[str] | None) -> int:
    """Run a job's `run` as a command; a ScreeningError is printed to stderr, and the exit code is 2."""
    log_json()
    try:
        with clearly():
            return run(sys.argv[1:] if argv is None else argv)
    except ScreeningError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
