"""Scores for lines of JSON, in bounded memory: for evaluation and scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TextIO

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.errors import UploadError
from screening.records import Article

CHUNK = 2048  # lines whose windows are sorted together


def classify(bundle: str, lines: Iterable[str], out: TextIO, *, engine: str = "auto") -> int:
    """Write `{"id", "scores": {label: p}}` for each `{"id", "text"}` line, in order; the number that failed.

    A line that can't be scored is written as `{"id", "error"}`. A `title` is scored before the text.
    """
    classifier = Classifier(load_bundle(bundle), make_engine(engine))
    failed = 0
    source = iter(lines)
    while chunk := list(islice(source, CHUNK)):
        for answer in _scored(classifier, chunk):
            failed += "error" in answer
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")
    return failed


def _scored(classifier: Classifier, lines: Iterable[str]) -> Iterator[dict[str, object]]:
    rows = [_row(line) for line in lines if line.strip()]
    articles = [row for _, row in rows if isinstance(row, Article)]
    results = iter(classifier.score(articles))
    for identity, row in rows:
        result = row if isinstance(row, UploadError) else next(results)
        if isinstance(result, UploadError):
            yield {"id": identity, "error": str(result)}
        else:
            yield {"id": identity, "scores": {signal.label: round(signal.score, 6) for signal in result}}


def _row(line: str) -> tuple[object, Article | UploadError]:
    try:
        row = json.loads(line)
    except ValueError:
        return None, UploadError("undecodable", "not JSON")
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        return row.get("id") if isinstance(row, dict) else None, UploadError("no_text", "no field `text`")
    title = row.get("title")
    return row.get("id"), Article("text/plain", row["text"], title=title if isinstance(title, str) else "")
