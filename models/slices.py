"""How the heads behave beside their own sets: on harmless text, and on contrast rows whose templates are unseen.

`scores` is {head: [dev rows, labels]}, calibrated and pooled, for all dev rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from models.recipe import Head, Recipe
from models.score import Floats

Rows = list[dict[str, Any]]


def harmless_rows(recipe: Recipe, head: Head, dev: Rows) -> list[int]:
    """Indexes of dev rows that say `no` to this head, of the sources that the recipe calls harmless."""
    sets = {s.set for s in recipe.sources if s.harmless}
    return [i for i, r in enumerate(dev) if r["set"] in sets and head.name in r["targets"] and _says_no(head, r)]


def false_alarms(recipe: Recipe, dev: Rows, scores: Mapping[str, Floats]) -> dict[str, Any]:
    """By head: share of its harmless rows that score 0.5 or more, by label."""
    out: dict[str, Any] = {}
    for head in recipe.heads:
        if rows := harmless_rows(recipe, head, dev):
            share = (scores[head.name][rows] >= 0.5).mean(0)
            fires = {x: round(float(v), 4) for x, v in zip(head.labels, share, strict=True)}
            if head.kind == "multiclass":
                del fires[head.labels[0]]
            out[head.name] = {"rows": len(rows), "fires": fires}
    return out


def contrast(recipe: Recipe, dev: Rows, scores: Mapping[str, Floats]) -> dict[str, Any]:
    """By head: share of hostile contrast rows that it finds, share of harmless ones that it lets pass, AUROC."""
    out: dict[str, Any] = {}
    for head in recipe.heads:
        rows = [i for i, r in enumerate(dev) if r["set"] == "contrast" and head.name in r["targets"]]
        truth = np.array([not _says_no(head, dev[i]) for i in rows], bool)
        if len(set(truth.tolist())) < 2:
            continue
        p = scores[head.name][rows]
        multi = head.kind == "multiclass"
        found = p.argmax(1) > 0 if multi else p[:, 0] >= 0.5
        out[head.name] = {
            "rows": len(rows),
            "hit": round(float(found[truth].mean()), 4),
            "pass": round(float(1 - found[~truth].mean()), 4),
            "auroc": round(float(roc_auc_score(truth, 1 - p[:, 0] if multi else p[:, 0])), 4),
        }
    return out


def _says_no(head: Head, row: dict[str, Any]) -> bool:
    """Nothing but the first label of a multiclass head is allowed, or the single label is not there."""
    target = row["targets"][head.name]
    return target[0] == 1 and sum(target) == 1 if head.kind == "multiclass" else target == [0]
