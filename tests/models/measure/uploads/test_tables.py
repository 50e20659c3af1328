"""The tables say what a bundle holds at a policy's levels: in long texts, by genre, by function and by group."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.train
POLICY = """
policy: tiny
version: 3
languages: [en]
categories:
  - {id: hate, signal: hate, review: 0.6}
  - {id: scam, signal: spam, review: 0.5}
"""
PLAIN = "The river the news good. "
BAD = "Very bad bad bad news."


def row(text: str, bad: bool, of: str) -> dict[str, Any]:
    targets = {"hate": [int(not bad), 0, int(bad)]}
    said = {"id": text[:8], "text": text, "set": of, "source": of, "label": "", "part": of, "held_out": False}
    return {**said, "language": "en", "targets": targets}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A recipe for the tiny bundle, its rows, a policy and cases."""
    from models.rows import write_rows

    (tmp_path / "policy.yaml").write_text(POLICY)
    cases = [
        {"id": "1", "function": "hostile: plain", "expected": {"any": True}, "text": BAD},
        {"id": "2", "function": "harmless: plain", "expected": {"any": False}, "text": PLAIN},
    ]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    sources = [
        {"set": name, "licence": "none", "dev": ["hate"], "harmless": True, "labels": {"x": {"hate": "normal"}}}
        for name in ("news", "posts")
    ]
    head = {"name": "hate", "kind": "multiclass", "labels": ["normal", "offensive", "hate"], "pool": "max"}
    recipe = {
        "name": "tiny", "version": "0.1.0", "base_model": {"name": "none", "licence": "none", "folder": "none"},
        "max_tokens": 16, "overlap": 4, "heads": [head | {"unit": "sentence"}], "sources": sources, "policy": ["hate"],
        "functional": [str(tmp_path / "cases.jsonl")], "plant": {"carriers": ["news"], "share": 0.5, "max_tokens": 32},
    } | {"max_tokens": 64}  # fmt: skip
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe))
    dev = [row(PLAIN * 90 + f"river {k}.", bad=False, of="news") for k in range(3)]
    dev += [row(f"{BAD} {k}", bad=True, of="posts") for k in range(30)]
    dev += [row(f"good river {k}", bad=False, of="posts") for k in range(30)]
    write_rows(tmp_path / "rows", {"train": dev, "dev": dev})
    return tmp_path


def measured(place: Path, by_sentence: bool) -> dict[str, Any]:
    from tests.screening.classifiers.tiny import text_bundle

    bundle = text_bundle(place / f"bundle-{by_sentence}", by_sentence=by_sentence)
    argv = [sys.executable, "-m", "models.measure.uploads", place / "tiny.yaml", "--rows", place / "rows"]
    argv += ["--bundle", bundle, "--policy", place / "policy.yaml", "--out", place / "out.json"]
    subprocess.run(list(map(str, argv)), check=True, capture_output=True)
    found: dict[str, Any] = json.loads((place / "out.json").read_text())
    return found


def test_a_bad_sentence_in_an_article_is_found_by_sentences_and_not_by_windows(place: Path) -> None:
    by_sentence, by_window = (measured(place, which)["mixtures"] for which in (True, False))
    for words in ("150 words", "400 words", "whole"):
        assert by_sentence[words]["found"]["share"] == 1
        assert by_sentence[words]["clean held"]["share"] == 0
        assert by_sentence[words]["auroc"] == 1
        assert by_window[words]["found"]["share"] < 1


def test_rows_cases_and_groups_are_counted(place: Path) -> None:
    found = measured(place, by_sentence=True)
    assert found["policy"] == "tiny 3"
    posts = found["genres"]["posts"]["to 8 words"]
    assert (posts["harmful"]["share"], posts["harmless"]["share"]) == (1, 0)
    assert "news" not in found["genres"], "too few rows"
    assert found["functions"]["hostile"]["share"] == found["functions"]["harmless"]["share"] == 1
    assert found["groups"]["all"]["share"] == 0
    assert len(found["groups"]["frames"]) * len(found["groups"]["groups"]) == found["groups"]["all"]["of"]
