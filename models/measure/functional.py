"""Run functional tests: short cases, each for one function that a classifier should have (Ribeiro et al. 2020).

A file has one JSON object per line: `id`, `text`, `function`, and either `label`, the label that is expected, or
`expected`: {label: true or false}. A label is given if its score is 0.5 or more; `any` is the noisy-OR of the policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.measure.any_category import noisy_or
from models.measure.metrics import ranking
from models.measure.slices import wilson
from models.recipe import Recipe
from models.text.score import Floats
from screening.errors import ConfigError

ANY = "any"


class Case(BaseModel):
    """One line of a file; other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)
    id: str
    text: str = Field(min_length=1)
    function: str = Field(min_length=1)
    expected: dict[str, bool] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _label_is_expected(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and ("label" in raw) == ("expected" in raw):
            raise ValueError("give either `label` or `expected`")
        return {**raw, "expected": {raw["label"]: True}} if isinstance(raw, dict) and "label" in raw else raw


def read_cases(path: Path, recipe: Recipe) -> list[Case]:
    """Return the cases of a file. Raises ConfigError, which names the file, the line and what is wrong with it."""
    labels = {x for h in recipe.heads for x in h.labels} | ({ANY} if recipe.policy else set())
    cases: dict[str, Case] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read the cases: {error}", file=str(path)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ConfigError(f"{where or 'case'}: {first['msg']}", file=str(path), line=number) from None
        if unknown := sorted(set(case.expected) - labels):
            fix = f"there are {', '.join(sorted(labels))}"
            raise ConfigError(f"no head has the label {unknown[0]!r}", file=str(path), line=number, fix=fix)
        if case.id in cases:
            raise ConfigError(f"the id {case.id!r} is there twice", file=str(path), line=number)
        cases[case.id] = case
    if not cases:
        raise ConfigError("no cases", file=str(path))
    return list(cases.values())


def functional(recipe: Recipe, cases: Sequence[Case], scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return the results by function and by label.

    `functions` gives for each name the cases, those passed and their share. `labels` gives the same for each label,
    also for the cases that expect it (`yes`) and those that don't (`no`), and the AUROC. `scores` is {head: [cases,
    labels]}, calibrated. A case passes if everything that it expects is true.
    """
    columns = {x: scores[h.name][:, k] for h in recipe.heads for k, x in enumerate(h.labels)}
    if recipe.policy:
        columns[ANY] = noisy_or(recipe, scores)
    passed = np.array(
        [all((columns[x][i] >= 0.5) == wanted for x, wanted in c.expected.items()) for i, c in enumerate(cases)]
    )
    names = np.array([c.function for c in cases])
    functions = {str(n): _share(passed[names == n]) for n in dict.fromkeys(names.tolist())}
    labels = {}
    for label in dict.fromkeys(x for c in cases for x in c.expected):
        where = [i for i, c in enumerate(cases) if label in c.expected]
        wanted = np.array([cases[i].expected[label] for i in where])
        score = columns[label][where]
        right = (score >= 0.5) == wanted
        labels[label] = {**_share(right), "yes": _share(right[wanted]), "no": _share(right[~wanted])}
        _, auroc = ranking(score, wanted, np.ones((1, len(where)), np.float32))
        labels[label]["auroc"] = None if np.isnan(auroc[0]) else round(float(auroc[0]), 4)
    return {**_share(passed), "labels": labels, "functions": functions}


def _share(right: np.ndarray) -> dict[str, Any]:
    hits, of = int(right.sum()), len(right)
    return {
        "cases": of,
        "passed": hits,
        "share": round(hits / of, 4) if of else None,
        "interval": wilson(hits, of) if of else None,
    }
