"""A model beside other scorers on the same pictures: how much better, and how sure that is with so few photographs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
RATE = 0.05  # of false alarms, at which detection is compared
RESAMPLES = 1000


def auroc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve (Mann and Whitney); ties count half. NaN without both classes."""
    hits, misses = positive.sum(), (~positive).sum()
    if not hits or not misses:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def detection(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Share of the positives above the threshold that `RATE` of the negatives are above."""
    if not positive.any() or positive.all():
        return float("nan")
    return float((scores[positive] > np.quantile(scores[~positive], 1 - RATE, method="higher")).mean())


def compare_scorers(
    scorers: Mapping[str, Floats], positive: npt.NDArray[np.bool_], photographs: npt.NDArray[Any], seed: int
) -> dict[str, dict[str, Any]]:
    """AUROC and detection of each scorer, and the first one's lead, each as [figure, low, high].

    The intervals are 95 % of a bootstrap over photographs: versions of one photograph are no independent rows.
    """
    names = np.unique(photographs)
    rows = [np.flatnonzero(photographs == name) for name in names]
    draws = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    samples = [np.concatenate([rows[k] for k in draw]) for draw in draws]
    out: dict[str, dict[str, Any]] = {name: {} for name in scorers}
    for figure, function in (("auroc", auroc), ("detection", detection)):
        found = {
            name: np.array([function(scores[own], positive[own]) for own in samples])
            for name, scores in scorers.items()
        }
        point = {name: function(scores, positive) for name, scores in scorers.items()}
        first = next(iter(scorers))
        for name in scorers:
            out[name][figure] = _interval(point[name], found[name])
            if name != first:
                out[name][f"{figure}_lead"] = _interval(point[first] - point[name], found[first] - found[name])
    return out


def _interval(point: float, found: Floats) -> list[float]:
    low, high = np.nanquantile(found, (0.025, 0.975))
    return [round(float(value), 4) for value in (point, low, high)]
