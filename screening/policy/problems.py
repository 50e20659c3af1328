"""Collect everything that is wrong with a policy file, each problem with its line and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from screening.errors import ConfigError

Path = tuple[str | int, ...]


class PolicyError(ConfigError):
    """A policy file is wrong; `problems` holds all problems, and `file` and `line` are those of the first."""

    def __init__(self, problems: Iterable[ConfigError]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.what, file=first.file, line=first.line, fix=first.fix)
        self.args = ("\n".join(str(problem) for problem in self.problems),)


class Problems:
    """Collects what is wrong with one file; `lines` maps places in the document to their lines, from 1."""

    def __init__(self, file: str, lines: Mapping[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self._found: list[ConfigError] = []

    def add(self, path: Path, what: str, fix: str) -> None:
        """Add a problem at `path`, or at the nearest place around it that the file has."""
        known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self._lines), ())
        self.add_line(self._lines.get(known, 1), what, fix)

    def add_line(self, line: int, what: str, fix: str) -> None:
        """Add a problem at a line."""
        self._found.append(ConfigError(what, file=self._file, line=line, fix=fix))

    def stop_if_any(self) -> None:
        """Raise PolicyError with all problems so far, in the order of the file, if there are any."""
        if self._found:
            raise PolicyError(sorted(self._found, key=lambda problem: problem.line))


def suggest(name: str, known: Iterable[str]) -> str:
    """Return what to do about an unknown name: the nearest known one, then all of them."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1)
    listed = f"known here: {', '.join(names)}" if names else "none is known here"
    return f"did you mean {near[0]!r}? {listed}" if near else listed
