"""Measure what a user feels: harmful texts found and harmless ones held, by a bundle at a policy's levels.

Four tables: a bad sentence in an ordinary text; texts by genre and length; functional cases by function; and sentences
that name a group neutrally, by group and by frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from models.measure.any_category import truth
from models.measure.first_stage import ANY, graded
from models.measure.functional import Case, read_cases
from models.measure.metrics import ranking
from models.measure.slices import Bools, wilson
from models.measure.uploads.mixtures import LENGTHS, mixtures
from models.recipe import Recipe
from models.rows import LabelledRow
from models.text.score import Floats
from screening.classifiers import Classifier
from screening.policy import Policy

FRAMES = Path(__file__).parents[2] / "cases" / "frames.yaml"
WORDS = (0, 8, 25, 100, 10**9)  # the lengths by which rows are told apart
ROWS = 150  # the most rows of one set and length
CARRIERS = 60
FEWEST = 20  # rows of a cell for which there is a figure


@dataclass(frozen=True)
class Judge:
    """A classifier and a policy whose levels decide; `categories` are those of the policy that count as hostile."""

    classifier: Classifier
    policy: Policy
    categories: tuple[str, ...]

    def ratios(self, texts: Sequence[str]) -> Floats:
        """Return for each text the highest ratio of a score to the level of its category; 1 or more is held."""
        rows: list[LabelledRow] = [{"id": str(k), "text": text} for k, text in enumerate(texts)]
        over = graded(self.classifier, self.policy, rows).over
        return np.asarray(np.max([over[name] for name in self.categories if name in over and name != ANY], axis=0))


def tables(judge: Judge, recipe: Recipe, dev: Sequence[LabelledRow], seed: int) -> dict[str, Any]:
    """Return the four tables; a table is left out if there are no rows for it."""
    cases = [case for path in map(Path, recipe.functional) for case in read_cases(path, recipe)]
    out: dict[str, Any] = {
        "policy": f"{judge.policy.name} {judge.policy.version}",
        "categories": list(judge.categories),
    }
    sources = recipe.plant.carriers[:1] if recipe.plant else ()
    carriers = [row["text"] for row in dev if row["set"] in sources][:CARRIERS]
    bad = [case.text for case in cases if case.expected.get("any")]
    if carriers and bad:
        out["mixtures"] = in_texts(judge, carriers, bad, seed)
    out["genres"] = by_genre(judge, recipe, dev, seed)
    if cases:
        out["functions"] = by_function(judge, cases)
    out["groups"] = by_group(judge)
    return out


def in_texts(judge: Judge, carriers: Sequence[str], bad: Sequence[str], seed: int) -> dict[str, Any]:
    """Return by length the share of mixtures held, of clean texts held, and how well the two are told apart."""
    made = mixtures(carriers, bad, seed)
    scores = judge.ratios([text for one in made for text in (one.clean, one.mixed)])
    clean, mixed = scores[::2], scores[1::2]
    out: dict[str, Any] = {"bad alone": _held(judge.ratios(bad) >= 1)}
    for words in LENGTHS:
        where = np.array([one.words == words for one in made])
        if where.any():
            both = np.concatenate((clean[where], mixed[where]))
            is_bad = np.arange(len(both)) >= where.sum()
            _, auroc = ranking(both, is_bad, np.ones((1, len(both)), np.float32))
            level = np.quantile(clean[where], 0.95)
            out[f"{words} words" if words else "whole"] = {
                "found": _held(mixed[where] >= 1),
                "clean held": _held(clean[where] >= 1),
                "auroc": round(float(auroc[0]), 4),
                "found at 5 % of clean": round(float((mixed[where] > level).mean()), 4),
            }
    return out


def by_genre(judge: Judge, recipe: Recipe, dev: Sequence[LabelledRow], seed: int) -> dict[str, Any]:
    """Return by set and length the shares of harmful and of harmless rows that are held."""
    chance, out = np.random.default_rng(seed), dict[str, Any]()
    for name in dict.fromkeys(row["set"] for row in dev):
        mine = [row for row in dev if row["set"] == name]
        lengths = np.array([len(row["text"].split()) for row in mine])
        told = [truth(recipe, row) for row in mine]
        for low, high in pairwise(WORDS):
            for harmful, word in ((True, "harmful"), (False, "harmless")):
                where = [i for i in np.flatnonzero((lengths > low) & (lengths <= high)) if told[i] is harmful]
                if len(where) >= FEWEST:
                    some = chance.permutation(where)[:ROWS]
                    cell = out.setdefault(name, {}).setdefault(f"to {high} words" if high < 10**9 else "longer", {})
                    cell[word] = _held(judge.ratios([mine[i]["text"] for i in some]) >= 1)
    return out


def by_function(judge: Judge, cases: Sequence[Case]) -> dict[str, Any]:
    """Return by function the share of cases that are held, or not held, as they should be."""
    wanted = np.array([bool(case.expected.get("any")) for case in cases])
    right = (judge.ratios([case.text for case in cases]) >= 1) == wanted
    names = np.array([case.function for case in cases])
    out = {"hostile": _held(right[wanted]), "harmless": _held(right[~wanted])}
    return out | {str(name): _held(right[names == name]) for name in dict.fromkeys(names.tolist())}


def by_group(judge: Judge) -> dict[str, Any]:
    """Return the share of neutral sentences that are held, by group and by frame."""
    made = yaml.safe_load(FRAMES.read_text(encoding="utf-8"))
    groups, frames = made["groups"], made["frames"]
    texts = [frame.format(g=group) for group in groups for frame in frames]
    held = (judge.ratios([text[0].upper() + text[1:] for text in texts]) >= 1).reshape(len(groups), len(frames))
    return {
        "all": _held(held.ravel()),
        "groups": {group: _held(row) for group, row in zip(groups, held, strict=True)},
        "frames": {frame: _held(column) for frame, column in zip(frames, held.T, strict=True)},
    }


def _held(which: Bools) -> dict[str, Any]:
    hits, of = int(which.sum()), len(which)
    return {"of": of, "share": round(hits / of, 4), "interval": wilson(hits, of)}
