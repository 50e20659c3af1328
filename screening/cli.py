"""The command line `screening`. Each of its commands is a module of `screening.commands`, or a job."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from screening.commands import classify, drift, explain, file, policy, results, review
from screening.errors import ConfigError, ScreeningError
from screening.report.text import visible
from screening.tables.scan import clearly

COMMANDS = (results, explain, review, policy, drift, classify, file)


# The jobs need Apache Beam. This package does not import them: they are found by their entry points if installed.
JOBS = {"screen": "screen uploads and commit their verdicts", "release": "release what was accepted, hold the rest"}
GROUP = "screening.commands"


def installed_jobs() -> dict[str, EntryPoint]:
    """Return the jobs that can run here, by the name of their command."""
    if find_spec("apache_beam") is None:
        return {}
    return {job.name: job for job in entry_points(group=GROUP) if job.name in JOBS}


def parser(jobs: Mapping[str, EntryPoint]) -> argparse.ArgumentParser:
    """Return the parser of all commands. Each sets its function as `run`, except jobs, which parse their own flags."""
    root = argparse.ArgumentParser(
        prog="screening",
        description="Screen all new uploads before any of them goes live.",
    )
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, said in JOBS.items():
        if name in jobs:
            commands.add_parser(name, help=said, add_help=False)
    for command in COMMANDS:
        command.add(commands)
    return root


def main(argv: Sequence[str] | None = None, jobs: Mapping[str, EntryPoint] | None = None) -> int:
    """Run a command and return its exit code: 0 if all is well, 1 if it found a problem, 2 if it failed or was refused.

    `jobs` are the commands `screen` and `release`; None means those that are installed.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    argv = sys.argv[1:] if argv is None else argv
    jobs = installed_jobs() if jobs is None else jobs
    if argv and argv[0] in jobs:
        return int(jobs[argv[0]].load()(argv[1:]))  # the job handles its own errors and exit codes
    try:
        if argv and argv[0] in JOBS:
            raise ConfigError(
                f"the command `{argv[0]}` needs the jobs and Apache Beam, which are not installed here",
                fix="pip install content-screening, with its dependencies",
            )
        args = parser(jobs).parse_args(argv)
        with clearly():
            code = args.run(args)
        sys.stdout.flush()
        return int(code or 0)
    except ScreeningError as error:
        for line in f"screening: {error}".splitlines():
            print(visible(line), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
