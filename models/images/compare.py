"""Compare a model with other scorers on the same pictures: how much better it is, and how certain that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
RATE = 0.05  # the rate of false alarms at which detection is compared
RESAMPLES = 1000


def auroc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve (Mann and Whitney); ties count half. NaN if a class is missing."""
    hits, misses = positive.sum(), (~positive).sum()
    if not hits or not misses:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def detection(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Return the share of the positives above the threshold that `RATE` of the negatives are above."""
    if not positive.any() or positive.all():
        return float("nan")
    return float((scores[positive] > np.quantile(scores[~positive], 1 - RATE, method="higher")).mean())


def compare_scorers(
    scorers: Mapping[str, Floats], positive: npt.NDArray[np.bool_], photographs: npt.NDArray[Any], seed: int
) -> dict[str, dict[str, Any]]:
    """Return each scorer's AUROC and detection, and the first one's lead, each as [figure, low, high].

    The 95 % intervals come from a bootstrap over photographs, since versions of one photograph are not independent.
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
