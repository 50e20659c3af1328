"""Whether a command that a document names exists, with its flags: by the real parsers where they can be imported."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from functools import cache
from importlib.metadata import EntryPoint
from itertools import pairwise
from pathlib import Path

from pipelines import release, screen
from pipelines.launch import options
from screening import cli
from tests.documents.page import ROOT

WORDS = ("screening", ".venv/bin/screening")


@cache
def jobs() -> dict[str, EntryPoint]:
    """`screening screen` and `screening release`, as this checkout declares them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    group = "screening.commands"
    return {name: EntryPoint(name, value, group) for name, value in project["entry-points"][group].items()}


@cache
def make() -> tuple[set[str], set[str]]:
    """The targets and the variables of the Makefile."""
    text = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([\w./-]+):(?!=)", text, re.MULTILINE)), set(re.findall(r"\$\((\w+)\)", text))


@cache
def flags_of(module: str) -> frozenset[str]:
    """The flags of a command `python -m module`: of a job by its parser, of others by what their source adds.

    By the source, since most commands of `models` import the training stack, which is not on every machine.
    """
    job = {"pipelines.screen": screen, "pipelines.release": release}.get(module)
    if job:
        return frozenset(options.names(job.arguments()))
    spec = importlib.util.find_spec(module)
    assert spec, f"no module {module}"
    if spec.submodule_search_locations:
        spec = importlib.util.find_spec(f"{module}.__main__")
        assert spec, f"{module} can't be run"
    found = {"--help"}
    tree = ast.parse(Path(str(spec.origin)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(name.name == "main" for name in node.names):
            found |= flags_of(str(node.module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            found |= {str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)}
    return frozenset(found)


def flags(words: list[str]) -> list[str]:
    return [word.partition("=")[0] for word in words if re.match(r"--\w", word)]


def fault(words: list[str]) -> str:
    """What is wrong with a command; "" where it is none of ours, or all right."""
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    if words[:1] == ["make"]:
        targets, variables = make()
        given = [word.partition("=") for word in words[1:] if word.isascii()]
        unknown = [name for name, sign, _ in given if name not in (variables if sign else targets)]
        return f"no target or variable {unknown}" if unknown else ""
    if words and words[0] in WORDS and len(words) > 1:
        return screening_fault(words[1:])
    for flag, module in pairwise(words):
        if flag == "-m" and module.partition(".")[0] in ("screening", "pipelines", "models", "tests"):
            unknown = set(flags(words[words.index(module) :])) - flags_of(module)
            return f"{module} has no {sorted(unknown)}" if unknown else ""
        if flag == "-m" and importlib.util.find_spec(module.partition(".")[0]) is None:
            return f"no module {module}"
    return ""


def screening_fault(words: list[str]) -> str:
    if words[0] in jobs():
        unknown = set(flags(words)) - flags_of(jobs()[words[0]].module)
        return f"{words[0]} has no {sorted(unknown)}" if unknown else ""
    parser = cli.parser(jobs())
    while nested := [action for action in parser._actions if action.dest == "command" or action.choices]:
        choices = next((action.choices for action in nested if isinstance(action.choices, dict)), None)
        if choices is None or not words or words[0].startswith("-"):
            break
        if words[0] not in choices:
            return f"no command {words[0]}"
        parser, words = choices[words[0]], words[1:]
    unknown = set(flags(words)) - set(parser._option_string_actions)
    return f"{parser.prog} has no {sorted(unknown)}" if unknown else ""
