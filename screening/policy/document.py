"""Read YAML into plain values with the line of each, and refuse all that makes a file mean more than it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from screening.policy.problems import Path, Problems

MAX_BYTES = 1 << 20  # of a policy file; the default policy has 10 kB
MAX_DEPTH = 16

_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}
_MAPPING, _SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


@dataclass(slots=True)
class Document:
    """A file's values, and the line (from 1) of every key and list item by its path."""

    value: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)


def read(data: bytes, file: str) -> Document:
    """Return the document in `data`. Raises PolicyError, which names every line that is not plain YAML.

    Refused are encodings other than UTF-8, more than 1 MiB or 16 levels, anchors and aliases, tags, several documents,
    and keys that appear twice or are not text.
    """
    document = Document()
    problems = Problems(file, document.lines)
    text = _text(data, problems)
    node: yaml.Node | None = None
    loader = yaml.SafeLoader("")
    try:
        _refuse_tricks(text, problems)
        problems.stop_if_any()
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        said = ", ".join(part for part in (error.context, error.problem) if part)
        problems.add_line(line, f"not valid YAML: {said}", "look at the indentation, colons and quotes around it")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add_line(line, f"not valid YAML: character #x{error.character:04x}", "remove the control character")
    problems.stop_if_any()
    if not isinstance(node, yaml.MappingNode):
        problems.add_line(1, "a policy is a mapping of keys to values", "begin with `policy: NAME`")
        problems.stop_if_any()
    document.value = _value(loader, node, (), document.lines, problems)
    problems.stop_if_any()
    return document


def _text(data: bytes, problems: Problems) -> str:
    if len(data) > MAX_BYTES:
        problems.add_line(1, f"over {MAX_BYTES} bytes is too large for a policy", "is it the policy file?")
        problems.stop_if_any()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add_line(data.count(b"\n", 0, error.start) + 1, "not UTF-8", "save the file as UTF-8")
        problems.stop_if_any()
        raise


def _refuse_tricks(text: str, problems: Problems) -> None:
    """Refuse anchors, which make small files huge (billion laughs), and deep nesting, which exhausts the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if anchor := getattr(event, "anchor", None):
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            problems.add_line(line, f"{sign}{anchor}: anchors and aliases are not allowed", "write the value out")
        if depth > MAX_DEPTH:
            problems.add_line(line, f"nested deeper than {MAX_DEPTH} levels", "a policy needs four")
            return


def _value(loader: yaml.SafeLoader, node: Any, path: Path, lines: dict[Path, int], problems: Problems) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
        found: dict[str, Any] = {}
        for key, child in node.value:
            at = key.start_mark.line + 1
            if not (isinstance(key, yaml.ScalarNode) and key.tag == "tag:yaml.org,2002:str"):
                problems.add_line(at, "a key is not text", "put the key in quotes")
            elif key.value in found:
                first = lines[(*path, key.value)]
                problems.add_line(at, f"key {key.value!r} appears twice, first on line {first}", "keep one of the two")
            else:
                lines[(*path, key.value)] = at
                found[key.value] = _value(loader, child, (*path, key.value), lines, problems)
        return found
    if isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
        return [_value(loader, child, (*path, i), lines, problems) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        try:
            return loader.construct_object(node)
        except ValueError:
            problems.add_line(line, f"{node.value[:40]!r} can't be read as a value", "put it in quotes if it is text")
    elif node.tag == "tag:yaml.org,2002:timestamp":
        problems.add_line(line, f"{node.value!r} is read as a date", "put it in quotes")
    else:
        problems.add_line(line, f"tag {node.tag!r} is not allowed", "write a plain value")
    return None
