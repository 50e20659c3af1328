"""People's decisions become labelled rows, through the real tables; what can't be read any more is counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.data.prepare import prepare
from models.data.reviews import labels, read_reviews
from models.recipe import load_recipe
from models.rows import read_rows
from screening.cli import main
from screening.records import BundleId, Fingerprint, Release, Run, Signal, Threshold, Verdict
from screening.storage import open_store
from screening.tables import ResultTables

pytestmark = pytest.mark.train

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEVELS = (
    Threshold("scams_and_fraud", "spam", "review", "high", 0.5, "score: 0.5"),
    Threshold("loudness", "loud", "review", "high", 0.6, "score: 0.6"),
    Threshold("too_short", "too_short", "review", "low", 3.0, "score: 3"),
)
# name, what it says, the scores of the verdict, the verdict
UPLOADS = (
    ("news.json", json.dumps({"title": "Town hall", "text": "the council met", "language": "en-GB"}), {}, "accept"),
    ("offer.txt", "claim the prize now", {"spam": 0.9}, "review"),
    ("market.txt", "the market has an offer", {"spam": 0.7, "loud": 0.1}, "review"),
    ("both.txt", "free prize winner", {"spam": 0.9, "loud": 0.7}, "review"),
    ("short.txt", "bread", {"spam": 0.6, "too_short": 1.0}, "reject"),
    ("missed.txt", "urgent bonus", {"spam": 0.1}, "accept"),
    ("moved.txt", "cash cash cash", {"spam": 0.9}, "reject"),
    ("gone.txt", "win cash", {"spam": 0.9}, "reject"),
    ("edited.txt", "a garden", {"spam": 0.9}, "reject"),
    ("broken.bin", "\0\1", {}, "error"),
)


@pytest.fixture
def results(tmp_path: Path) -> ResultTables:
    """Tables with a committed run over the uploads above."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, said, _, _ in UPLOADS:
        (folder / name).write_text(said)
    known = {name: (scores, decision) for name, _, scores, decision in UPLOADS}
    made_by = Fingerprint("f" * 64, "decode-1", "cpu", (BundleId("tiny", "0.1.0", "ab" * 32),), "banks", "policy")
    verdicts = []
    for upload in open_store(str(folder)).list(str(folder)):
        scores, decision = known[upload.name]
        verdicts.append(
            Verdict(
                run_id="run-1",
                uri=upload.uri,
                name=upload.name,
                generation=upload.generation,
                size=upload.size,
                sha256=hashlib.sha256((folder / upload.name).read_bytes()).hexdigest(),
                content_type="text/plain",
                metadata={"uploader": upload.name[:1]},
                decision=decision,
                reasons=(),
                detail="",
                signals=tuple(Signal(f"bundle/tiny@0.1.0/{x}", x, score) for x, score in scores.items()),
                thresholds=LEVELS,
                fingerprint=made_by,
                screened_at=NOW,
                seconds=0.1,
                medium="text",
            )
        )
    tables = ResultTables(str(tmp_path / "results"))
    counts = Counter(verdict.decision for verdict in verdicts)
    ledger = Run("run-1", str(folder), len(verdicts), 0, *(counts[d] for d in ("accept", "review", "reject", "error")),
                 made_by.digest, "policy", NOW, NOW)  # fmt: skip
    tables.commit_run(ledger, [tables.write_part("run-1", verdicts)])
    return tables


@pytest.fixture
def review(results: ResultTables) -> Callable[..., None]:
    """Decides as a person does, at the command line."""

    def _review(decision: str, *names: str) -> None:
        for name in names:
            argv = ["review", name, "--decision", decision, "--reason", "looked", "--results", results.uri]
            assert main(argv) == 0

    return _review


def found(results: ResultTables) -> tuple[dict[str, list[str]], dict[str, int]]:
    left_out: Counter[str] = Counter()
    by_name: dict[str, list[str]] = {}
    for row in read_reviews(results.uri, left_out):
        by_name.setdefault(Path(row["uri"]).name, []).append(row["label"])
    return by_name, dict(+left_out)


def test_a_label_is_the_decision_and_what_it_was_about(results: ResultTables, review: Any) -> None:
    review("uphold", "news.json", "offer.txt", "short.txt")
    review("overturn", "market.txt", "both.txt", "missed.txt")
    by_name, left_out = found(results)
    assert by_name == {
        "news.json": ["uphold:accept"],
        "offer.txt": ["uphold:spam"],
        "short.txt": ["uphold:spam+too_short"],
        "market.txt": ["overturn:spam"],
        "both.txt": ["overturn:loud", "overturn:spam"],
        "missed.txt": ["overturn:accept"],
    }
    assert left_out == {}


def test_a_row_is_what_the_classifier_read(results: ResultTables, review: Any) -> None:
    review("uphold", "news.json")
    (row,) = read_reviews(results.uri, Counter())
    assert row["text"] == "Town hall\n\nthe council met"
    assert (row["language"], row["metadata.uploader"]) == ("en", "n")
    assert row["date"].tzinfo is not None


def test_the_last_decision_stands_and_the_earlier_is_counted(results: ResultTables, review: Any) -> None:
    review("uphold", "offer.txt")
    review("overturn", "offer.txt")
    assert found(results) == ({"offer.txt": ["overturn:spam"]}, {"older review": 1})


def test_uploads_that_cannot_be_had_are_counted(results: ResultTables, review: Any, tmp_path: Path) -> None:
    review("uphold", "moved.txt", "gone.txt", "edited.txt", "broken.bin")
    folder = tmp_path / "in"
    (moved,) = results.verdicts(str(folder / "moved.txt"))
    kept = tmp_path / "quarantine" / "moved.txt"
    kept.parent.mkdir()
    kept.write_bytes((folder / "moved.txt").read_bytes())
    bound = (moved.uri, moved.generation, moved.sha256)
    results.append_releases([Release("r-1", "run-1", *bound, "reject", "quarantine", str(kept), "", NOW)])
    for name in ("moved.txt", "gone.txt"):
        (folder / name).unlink()
    (folder / "edited.txt").write_text("a garden, changed")
    expected = {"not_found": 1, "replaced": 1, "error verdict": 1}
    assert found(results) == ({"moved.txt": ["uphold:spam"]}, expected)
    kept.write_text("other bytes")
    assert found(results) == ({}, expected | {"not_found": 2})


def test_a_review_of_a_verdict_that_never_counted_is_counted(results: ResultTables, review: Any) -> None:
    review("uphold", "offer.txt")
    (said,) = results.reviews(uri_of(results, "offer.txt"))
    results.append_reviews([replace(said, review_id="other", run_id="run-2", uri=uri_of(results, "market.txt"))])
    assert found(results) == ({"offer.txt": ["uphold:spam"]}, {"no verdict": 1})


def uri_of(results: ResultTables, name: str) -> str:
    ((uri,),) = results.connection().execute("SELECT uri FROM verdicts WHERE name = ?", [name]).fetchall()
    return str(uri)


def test_a_recipe_learns_from_reviews(
    results: ResultTables, review: Any, recipe_file: Path, recipe_document: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    recipe_document["sources"].append(
        {
            "set": "reviews", "path": results.uri, "licence": "ours",
            "split": {"by": "group", "field": "metadata.uploader", "dev": 0.4},
            "labels": {
                "uphold:spam": {"spam": True}, "overturn:spam": {"spam": False}, "overturn:loud": {"tone": "calm"},
            },
        }
    )  # fmt: skip
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    review("uphold", "offer.txt", "missed.txt")
    review("overturn", "both.txt", "market.txt")
    (tmp_path / "in" / "market.txt").unlink()
    report = prepare(load_recipe(recipe_file), data, tmp_path / "rows")["sets"]["reviews"]
    rows = [r for s in ("train", "dev") for r in read_rows(tmp_path / "rows", s) if r["set"] == "reviews"]
    assert {r["text"]: r["targets"] for r in rows} == {
        "claim the prize now": {"spam": [1]},
        "free prize winner": {"tone": [1, 0], "spam": [0]},
    }
    assert {r["part"] for r in rows} == {"o", "b"}
    assert report["left_out"] == {"not_found": 1}
    assert report["label_not_in_recipe"] == {"uphold:accept": 1}
    assert report["straddling"]["on_both_sides"] == 0


@pytest.mark.parametrize(
    ("decision", "machine", "signals", "expected"),
    [
        ("overturn", "accept", ["spam"], ["overturn:accept"]),  # set aside by an allow bank
        ("uphold", "review", [], ["uphold:review"]),
        ("uphold", "reject", ["hate", "spam"], ["uphold:hate+spam"]),
        ("overturn", "reject", ["hate", "spam"], ["overturn:hate", "overturn:spam"]),
    ],
)
def test_labels(decision: str, machine: str, signals: Sequence[str], expected: list[str]) -> None:
    assert labels(decision, machine, signals) == expected
