"""Functional cases: read strictly, judged in both halves, and our own are none that training sees."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.measure.functional import functional, read_cases
from models.recipe import Recipe, load_recipe
from screening.errors import ConfigError

RECIPES = Path(__file__).parents[3] / "models" / "recipes"
CASES = Path(__file__).parents[3] / "models" / "cases"


@pytest.fixture
def recipe(recipe_document: dict[str, Any]) -> Recipe:
    return Recipe.model_validate({**recipe_document, "policy": ["loud", "spam"]})


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def case(**more: Any) -> dict[str, Any]:
    return {"id": "one", "text": "a text", "function": "plain", "expected": {"spam": True}, **more}


def test_both_halves_of_a_label_and_each_function_are_counted(recipe: Recipe, tmp_path: Path) -> None:
    said = [
        case(id="1", function="plain", expected={"spam": True}),
        case(id="2", function="plain", expected={"spam": True, "calm": False}),
        case(id="3", function="polite", expected={"spam": False}),
        case(id="4", function="polite", expected={"any": False}),
    ]
    cases = read_cases(write(tmp_path / "cases.jsonl", *said), recipe)
    tone = np.array([[0.9, 0.1], [0.6, 0.4], [0.9, 0.1], [0.7, 0.3]])
    spam = np.array([[0.8], [0.9], [0.6], [0.3]])
    found = functional(recipe, cases, {"tone": tone, "spam": spam})
    assert {k: v["passed"] for k, v in found["functions"].items()} == {"plain": 1, "polite": 0}
    assert (found["cases"], found["passed"], found["share"]) == (4, 1, 0.25)
    label = found["labels"]["spam"]
    assert (label["yes"]["passed"], label["no"]["passed"], label["auroc"]) == (2, 0, 1.0)
    assert found["labels"]["calm"]["auroc"] is None
    assert found["labels"]["any"]["no"] == {"cases": 1, "passed": 0, "share": 0.0, "interval": [0.0, 0.7935]}


def test_a_label_alone_is_what_should_be_said(recipe: Recipe, tmp_path: Path) -> None:
    line = {k: v for k, v in case(label="loud").items() if k != "expected"}
    assert read_cases(write(tmp_path / "cases.jsonl", line), recipe)[0].expected == {"loud": True}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (case(id="two", expected={"nonsense": True}), "'nonsense'"),
        (case(id="two", expected={}), "expected"),
        (case(id="two", label="spam"), "either"),
        (case(id="two", text=""), "text"),
        (case(), "twice"),
        ({"id": "two", "text": "a text", "label": "spam"}, "function"),
    ],
)
def test_a_bad_line_is_named(bad: dict[str, Any], told: str, recipe: Recipe, tmp_path: Path) -> None:
    path = write(tmp_path / "cases.jsonl", case(), bad)
    with pytest.raises(ConfigError, match=f"cases.jsonl:2: .*{told}"):
        read_cases(path, recipe)


def test_a_file_without_cases_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no cases"):
        read_cases(write(tmp_path / "cases.jsonl"), recipe)
    with pytest.raises(ConfigError, match="can't read"):
        read_cases(tmp_path / "absent.jsonl", recipe)


def test_our_own_cases_have_both_halves_and_none_is_trained_on() -> None:
    from models.data.contrast import contrast_rows

    text_screen = load_recipe(RECIPES / "text-screen.yaml").model_copy(update={"policy": ("hate",)})
    cases = read_cases(CASES / "hostility.jsonl", text_screen)
    level = [" ".join(c.text.lower().split()) for c in cases]
    assert not {" ".join(r["text"].lower().split()) for r in contrast_rows()} & set(level)
    assert len(set(level)) == len(cases)
    halves = Counter(c.expected["any"] for c in cases)
    assert min(halves.values()) >= 50
    assert all(n >= 4 for n in Counter(c.function for c in cases).values())
