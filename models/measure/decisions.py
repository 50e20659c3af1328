"""Find the decisions with the best macro-F1, instead of 0.5 or the likeliest label, for people who write a policy."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.measure.metrics import Truth, macro_f1
from models.measure.slices import Bools
from models.recipe import RecipeHead
from models.text.score import Floats

FACTORS = np.exp(np.linspace(-1, 1, 41))


def best_decision(head: RecipeHead, scores: Floats, truth: Truth, half: Bools) -> dict[str, Any]:
    """Return the `threshold`, or a factor per label, with the highest macro-F1 on all rows.

    `macro_f1` is measured with the choice of each half on the other half, since a choice flatters its own rows.
    """
    guess = np.zeros(len(truth), np.int64)
    if head.kind == "multiclass":
        for where in (half, ~half):
            guess[where] = (scores[where] * best_factors(scores[~where], truth[~where])).argmax(1)
        factors = best_factors(scores, truth)
        found: dict[str, Any] = {"factors": {x: round(float(f), 4) for x, f in zip(head.labels, factors, strict=True)}}
    else:
        for where in (half, ~half):
            guess[where] = scores[where, 0] >= best_threshold(scores[~where, 0], truth[~where] == 1)
        found = {"threshold": round(best_threshold(scores[:, 0], truth == 1), 4)}
    return {**found, "macro_f1": round(macro_f1(truth, guess, max(2, len(head.labels))), 4)}


def best_threshold(score: Floats, positive: Bools) -> float:
    """Return the best threshold, midway between the two scores that it separates."""
    order = np.argsort(-score, kind="stable")
    hit = positive[order].cumsum()
    said, n, hits = np.arange(1, len(score) + 1), len(score), hit[-1]
    yes = 2 * hit / (said + hits)
    no = 2 * (n - said - hits + hit) / np.maximum(2 * n - said - hits, 1)
    ends = np.r_[np.diff(score[order]) != 0, True]
    k = int(np.where(ends, yes + no, -1).argmax())
    return float(score[order][k : k + 2].mean())


def best_factors(scores: Floats, truth: Truth) -> Floats:
    """Return factors [labels], the first one 1; a row's label is the largest of score times factor.

    The factors are chosen one label at a time.
    """
    factors = np.ones(scores.shape[1])
    for _ in range(3):
        for k in range(1, len(factors)):
            tried = [np.where(np.arange(len(factors)) == k, f, factors) for f in FACTORS]
            told = [macro_f1(truth, (scores * each).argmax(1), len(factors)) for each in tried]
            factors = tried[int(np.argmax(told))]
    return factors
