"""Score lines of JSON in bounded memory, for evaluation and scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.content import Text
from screening.errors import UploadError

LINES = 2048  # the most whose windows are sorted together
CHARACTERS = 4 << 20  # the most that they have, unless it is a single line


def classify(bundle: str, lines: Iterable[str], out: TextIO, *, engine: str = "auto", precision: str = "auto") -> int:
    """Write `{"id", "scores": {label: p}}` for each `{"id", "text"}` line, in order; return how many failed.

    For a line that can't be scored, `{"id", "error": "reason: detail"}` is written. Blank lines are skipped. If a line
    has a `title`, it is scored as the start of the text.
    """
    classifier = Classifier(load_bundle(bundle), make_engine(engine, precision))
    failed = 0
    for chunk in _chunks(lines):
        for answer in _scored(classifier, chunk):
            failed += "error" in answer
            out.write(json.dumps(answer) + "\n")  # in ASCII, since an id may hold what UTF-8 can't write
    return failed


def _chunks(lines: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
    """Yield the lines that are not blank, with their numbers, in chunks that fit in memory."""
    chunk: list[tuple[int, str]] = []
    size = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(chunk) == LINES or (chunk and size + len(line) > CHARACTERS):
            yield chunk
            chunk, size = [], 0
        chunk.append((number, line))
        size += len(line)
    if chunk:
        yield chunk


def _scored(classifier: Classifier, lines: Iterable[tuple[int, str]]) -> Iterator[dict[str, object]]:
    rows = [_row(number, line) for number, line in lines]
    results = iter(classifier.score([row for _, row in rows if isinstance(row, Text)]))
    for identity, row in rows:
        result = row if isinstance(row, UploadError) else next(results)
        if isinstance(result, UploadError):
            yield {"id": identity, "error": str(result)}
        else:
            yield {"id": identity, "scores": {signal.label: round(signal.score, 6) for signal in result}}


def _row(number: int, line: str) -> tuple[object, Text | UploadError]:
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None, UploadError("undecodable", f"line {number} is not JSON")
    if not isinstance(row, dict):
        return None, UploadError("undecodable", f"line {number} is not an object")
    text, title = row.get("text"), row.get("title", "")
    if not isinstance(text, str) or not isinstance(title, str):
        return row.get("id"), UploadError("no_text", f"line {number}: `text`, and `title` if given, must be strings")
    return row.get("id"), Text(text, title)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
