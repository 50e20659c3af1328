"""Estimate how far a figure may be off, by the percentile bootstrap (Efron and Tibshirani 1993)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from models.text.score import Floats

RESAMPLES = 1000
CELLS = 4_000_000  # the cells of one block of resamples, 16 MB in float32
Weights = npt.NDArray[np.float32]


def resamples(rows: int, seed: int, groups: Sequence[str] | None = None, count: int = RESAMPLES) -> Weights:
    """Return how often each row is drawn in each resample, [count, rows]; rows are drawn with replacement.

    With `groups`, groups are drawn with replacement first, then rows within each: a figure measured on a few publishers
    varies as publishers do, not as their articles do (Davison and Hinkley 1997, 3.8).
    """
    chance = np.random.default_rng(seed)
    names, member = np.unique(np.array(groups if groups is not None else [""] * rows), return_inverse=True)
    drawn = chance.multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
    out = np.zeros((count, rows), np.float32)
    for k in range(len(names)):
        own = np.flatnonzero(member == k)
        out[:, own] = chance.multinomial(drawn[:, k] * len(own), np.full(len(own), 1 / len(own)))
    return out


def blocks(weights: Weights) -> list[Weights]:
    """Return the resamples in pieces, which fit the cache better than the whole."""
    step = max(1, CELLS // max(1, weights.shape[1]))
    return [weights[k : k + step] for k in range(0, len(weights), step)]


def intervals(found: Mapping[str, Floats], point: Mapping[str, float]) -> dict[str, list[float]]:
    """Return 95 % intervals, {figure: [low, high]}; resamples with an undefined figure (one class only) are left out.

    The calibration error of a resample is biased upwards, so those are shifted to lie around the point.
    """
    out = {}
    for name, values in found.items():
        known = values[np.isfinite(values)]
        if len(known) < 100:
            continue
        low, high = np.quantile(known, (0.025, 0.975))
        if name == "ece":
            low, high = np.maximum(0, np.array([low, high]) + point[name] - known.mean())
        out[name] = [round(float(low), 4), round(float(high), 4)]
    return out
