"""Limit what a smaller precision may cost: compare rounded scores with those of the float32 file, on dev rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from models.recipe import RecipeHead
from models.text.score import Floats

AGREEMENT = 0.995  # the least share of rows with the same decision, per head
AUPRC_DROP = 0.002  # the most that one label may lose


def compare_rounded(
    head: RecipeHead, exact: Floats, rounded: Floats, targets: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Return the agreement of the decisions, the largest and mean |Δp|, and the drop in AUPRC by label.

    `exact` and `rounded` are probabilities [rows, labels] of the rows that name the head; `targets` has what each row
    may be, as in `models.rows`. A decision is the likeliest class, or the labels that reach 0.5. A label is measured on
    the rows that say whether they have it; one without rows for both answers is left out.
    """
    allowed = np.array(targets)
    multi = head.kind == "multiclass"
    same = exact.argmax(1) == rounded.argmax(1) if multi else ((exact >= 0.5) == (rounded >= 0.5)).all(1)
    drops: dict[str, float] = {}
    for k, label in enumerate(head.labels):
        column = allowed[:, k]
        known = (column == 0) | (allowed.sum(1) == 1) if multi else column >= 0
        truth = column[known]
        if 0 < truth.sum() < len(truth):
            one, two = (average_precision_score(truth, p[known, k]) for p in (exact, rounded))
            drops[label] = round(float(one - two), 5) + 0.0
    return {
        "rows": len(allowed),
        "same_decision": round(float(same.mean()), 5),
        "max_delta": round(float(np.abs(exact - rounded).max()), 5),
        "mean_delta": round(float(np.abs(exact - rounded).mean()), 6),
        "auprc_drop": drops,
    }


def failures(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what misses a bar, with its numbers; the list is empty if nothing does."""
    out = []
    for name, numbers in found.items():
        if not numbers["same_decision"] >= AGREEMENT:
            share = f"{100 * numbers['same_decision']:.2f} % of {numbers['rows']} rows"
            out.append(f"head {name}: same decision on {share}, but at least {100 * AGREEMENT} % is needed")
        for label, drop in numbers["auprc_drop"].items():
            if not drop <= AUPRC_DROP:
                out.append(f"label {label}: AUPRC falls by {drop:.4f}, but at most {AUPRC_DROP} is allowed")
    return out
