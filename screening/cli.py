"""`screening`: the command for people. Each command is a module of `screening.commands`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from screening.commands import classify, drift, explain, file, policy, results, review
from screening.errors import ScreeningError
from screening.report.text import visible
from screening.tables.scan import clearly

COMMANDS = (results, explain, review, policy, drift, classify, file)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each leaves its function in `run`."""
    root = argparse.ArgumentParser(
        prog="screening",
        description="Screens everything newly uploaded, before any of it goes live. The job itself is "
        "`python -m pipelines.screen`; these commands look at what it decided.",
    )
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command: 0 done, 1 done and something is wrong with what was looked at, 2 refused or could not."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    args = parser().parse_args(argv)
    try:
        with clearly():
            code = args.run(args)
        sys.stdout.flush()
        return int(code or 0)
    except ScreeningError as error:
        for line in f"screening: {error}".splitlines():
            print(visible(line), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
