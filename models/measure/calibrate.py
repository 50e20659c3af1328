"""Calibrate logits to probabilities, and tabulate precision and recall by threshold, on dev rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from models.measure.decisions import best_factors, best_threshold
from models.recipe import RecipeHead
from models.text.score import FittedForm, Floats, HeadCalibration, Windows

POINTS = 200
KEPT, LEAST = 0.05, 50  # of the highest scores of harmless texts, by which a level resolves what it may hold


def fit(
    head: RecipeHead, windows: Windows, truth: npt.NDArray[np.int64], form: FittedForm | None = None,
    discount: float = 0.0,
) -> HeadCalibration:  # fmt: skip
    """Return Platt scaling per label, or for a multiclass head one temperature, and a shift per label.

    `truth` has the label's index (multiclass) or 0/1 for each text. The fit is to the likelihood of the pooled score,
    since that is what a policy sees (Platt 1999; Guo et al. 2017). A weak prior keeps a separable head finite. A `form`
    is added to the logit as it was learnt, since dev rows of a few publishers can't tell how much it should count; and
    so is a `discount`, since most dev rows have one sentence or two.
    """
    n = len(head.labels)

    def calibration(x: Floats) -> HeadCalibration:
        scale = float(np.exp(x[0]))
        return HeadCalibration((scale,) * n, tuple(float(v) for v in x[1:]), form, discount)

    def loss(x: Floats) -> float:
        p = np.clip(windows.pooled(head, calibration(x)), 1e-9, 1 - 1e-9)
        if head.kind == "multiclass":
            likelihood = p[np.arange(len(truth)), truth] / p.sum(1)
        else:
            likelihood = np.where(truth == 1, p[:, 0], 1 - p[:, 0])
        return float(-np.log(likelihood).mean() + 1e-3 * (x**2).mean())

    found = minimize(
        loss, np.zeros(n + 1), method="Nelder-Mead", options={"maxiter": 800, "xatol": 1e-3, "fatol": 1e-7}
    )
    x = found.x.copy()
    if head.decide == "macro_f1":
        scores = windows.pooled(head, calibration(x))
        if head.kind == "multiclass":
            x[1:] += np.log(best_factors(scores, truth))
        else:
            level = best_threshold(scores[:, 0], truth == 1)
            x[1] -= np.log(level / (1 - level))
    if head.kind == "multiclass":
        x[1:] -= x[1:].mean()
    return calibration(x)


def table(scores: Floats, positive: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return the precision and recall of `score >= threshold` at about `POINTS` thresholds, ascending.

    Half of the thresholds are spread over the ranks of the positives, and half over those of all rows.
    """
    ascending = np.sort(scores)
    hits = np.sort(scores[positive])
    chosen = [_spread(hits, POINTS // 2), _spread(ascending, POINTS // 2)]
    thresholds = np.unique(np.floor(np.concatenate(chosen) * 1e6) / 1e6)
    above = len(ascending) - np.searchsorted(ascending, thresholds, "left")
    true = len(hits) - np.searchsorted(hits, thresholds, "left")
    keep = true > 0
    return {
        "rows": len(scores),
        "positives": len(hits),
        "thresholds": [round(float(t), 6) for t in thresholds[keep]],
        "precision": [round(float(v), 6) for v in (true / np.maximum(above, 1))[keep]],
        "recall": [round(float(v), 6) for v in (true / len(hits))[keep]],
    }


def highest(scores: Floats) -> dict[str, Any]:
    """Return the highest scores of harmless texts, falling: the share `KEPT` of them, at least `LEAST`."""
    falling = np.sort(scores)[::-1][: max(LEAST, round(KEPT * len(scores)))]
    return {"rows": len(scores), "highest": [round(float(x), 6) for x in np.minimum(1.0, np.ceil(falling * 1e6) / 1e6)]}


def _spread(values: Floats, count: int) -> Floats:
    picked: Floats = values[np.unique(np.linspace(0, len(values) - 1, count).astype(int))]
    return picked
