"""Measure "any category", the score that a text has any label of the policy: noisy-OR, 1 - Π(1 - p) (Pearl 1988)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.measure.bootstrap import Weights, blocks, intervals, resamples
from models.measure.metrics import Figures, ranking
from models.measure.slices import EACH, Bools
from models.recipe import Recipe
from models.rows import LabelledRow
from models.text.score import Floats


def noisy_or(recipe: Recipe, scores: Mapping[str, Floats]) -> Floats:
    """Return the noisy-OR of the policy's labels, [rows], from scores {head: [rows, labels]}."""
    none: Floats = np.prod([1 - p for p in by_label(recipe, scores).values()], axis=0)
    return 1 - none


def by_label(recipe: Recipe, scores: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the scores of each label of the policy: {label: [rows]}."""
    columns = {x: scores[h.name][:, k] for h in recipe.heads for k, x in enumerate(h.labels)}
    return {x: columns[x] for x in recipe.policy}


def truth(recipe: Recipe, row: LabelledRow) -> bool | None:
    """Return True if a target must be a label of the policy, False if all known targets rule them out, else None.

    A partial label that allows a label of the policy counts as that label if it rules out the head's first label, the
    harmless one. Otherwise the row may be either.
    """
    told: list[bool | None] = []
    for head in recipe.heads:
        mine = [x in recipe.policy for x in head.labels]
        if not any(mine) or head.name not in row["targets"]:
            continue
        target = row["targets"][head.name]
        inside = any(m and t == 1 for m, t in zip(mine, target, strict=True))
        either = head.kind == "multiclass" and inside and sum(target) > 1 and target[0] == 1
        told.append(None if either else inside)
    if not told or (None in told and True not in told):
        return None
    return True in told


def any_category(
    recipe: Recipe, dev: Sequence[LabelledRow], scores: Mapping[str, Floats], floor: Mapping[str, Floats] | None
) -> dict[str, Any]:
    """Return AUPRC and AUROC, and those of the floor, over all dev rows with a known truth and by set.

    It also has the mean of each label on clean rows. A row labelled for one head only is clean if it doesn't have that
    head's label.
    """
    told = [truth(recipe, r) for r in dev]
    known = np.array([t is not None for t in told])
    positive = np.array([bool(t) for t in told])
    score = noisy_or(recipe, scores)
    base = noisy_or(recipe, floor) if floor is not None else None
    sets = np.array([r["set"] for r in dev])
    clean = known & ~positive
    out: dict[str, Any] = {"labels": list(recipe.policy)}
    out |= _ranked(score, base, positive, known, recipe.training.seed)
    out["sets"] = {}
    for name in dict.fromkeys(sets[known].tolist()):
        out["sets"][name] = _ranked(score, base, positive, known & (sets == name), recipe.training.seed)
    out["mean_on_clean"] = {}
    for label, p in by_label(recipe, scores).items():
        means = {s: _mean(p[clean & (sets == s)]) for s in np.unique(sets[clean]).tolist()}
        out["mean_on_clean"][label] = {
            "mean": _mean(p[clean]),
            "highest": max(means, key=means.__getitem__),
            "sets": means,
        }
    return out


def _ranked(score: Floats, floor: Floats | None, positive: Bools, where: Bools, seed: int) -> dict[str, Any]:
    mine, told = positive[where], score[where]
    out: dict[str, Any] = {"rows": len(mine), "positives": int(mine.sum())}
    if not EACH <= mine.sum() <= len(mine) - EACH:
        return out | {"mean": _mean(told)}
    weights = resamples(len(mine), seed)
    for name, p in (("", told), ("floor", floor[where] if floor is not None else None)):
        if p is None:
            continue
        one = {k: round(float(v[0]), 4) for k, v in _both(p, mine, np.ones((1, len(mine)), np.float32)).items()}
        found = {**one, "intervals": intervals(_both(p, mine, weights), one)}
        out |= {name: found} if name else found
    return out


def _both(score: Floats, positive: Bools, weights: Weights) -> Figures:
    parts = [ranking(score, positive, block) for block in blocks(weights)]
    return {name: np.concatenate([p[k] for p in parts]) for k, name in enumerate(("auprc", "auroc"))}


def _mean(values: Floats) -> float:
    return round(float(values.mean()), 4)
