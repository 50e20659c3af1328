"""Measure how far one distribution is from another: the population stability index (PSI), with an interval.

PSI = Σ (q - p) ln(q / p) over bins (Jeffreys' divergence of shares p and q; Siddiqi 2006, Credit Risk Scorecards). By
convention, a PSI below 0.1 is small and one above 0.2 is large, whatever the number of rows; but with few rows, noise
alone can be as large. Without a shift, PSI / (1/n + 1/m) has a χ² distribution with bins - 1 degrees of freedom
(Yurdakul 2018, Statistical Properties of Population Stability Index, theorem 4.1). With a small shift it is noncentral
χ², and the noncentrality is the true PSI over (1/n + 1/m), since to second order PSI is Pearson's statistic. The
interval inverts this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
BINS = 10
EXPECTED = 5  # rows that χ² needs in each bin of the smaller side if there is no shift (Cochran 1954)


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that holds the true PSI; `low` is 0 if noise alone could explain it."""

    low: float
    high: float


def edges(quantiles: Sequence[float], least: float) -> Scores:
    """Return the inner edges of bins (a, b], given the quantiles of a sample (ties allowed) and its least score.

    A value that would fill a bin alone gets a bin of its own, so that a move to either side of it shows.
    """
    cuts, times = np.unique(np.asarray(quantiles, np.float64), return_counts=True)
    tied = cuts[(times > 1) | (cuts == least)]
    return np.unique(np.concatenate([cuts, np.nextafter(tied, -np.inf)]))


def psi(reference: Counts, current: Counts) -> float:
    """Return the PSI of two sets of counts by bin; if any bin is empty, half a row is added to every bin."""
    if not (reference.all() and current.all()):
        reference, current = reference + 0.5, current + 0.5  # type: ignore[assignment]
    p, q = reference / reference.sum(), current / current.sum()
    return float(((q - p) * np.log(q / p)).sum())


def merge(reference: Counts, current: Counts) -> list[slice]:
    """Return slices of neighbouring bins, each with enough rows for an interval; one slice if there are too few."""
    smaller = min(reference.sum(), current.sum()) / max(1, reference.sum() + current.sum())
    groups: list[slice] = []
    start, expected = 0, 0.0
    for place, rows in enumerate(reference + current):
        expected += rows * smaller
        if expected >= EXPECTED:
            groups.append(slice(start, place + 1))
            start, expected = place + 1, 0.0
    if not groups:
        return [slice(0, len(reference))]
    groups[-1] = slice(groups[-1].start, len(reference))
    return groups


def interval(value: float, rows: tuple[int, int], bins: int, doubt: float = 0.05) -> Interval:
    """Return an interval for the true PSI, given its estimate `value` from `rows` (reference's, run's) in `bins` bins.

    It is wrong with probability `doubt`, half of that on either side. A match that is better than chance proves
    nothing, so the upper end is never below that of a typical match.
    """
    noise = 1 / rows[0] + 1 / rows[1]
    found, freedom = value / noise, bins - 1

    low = _falls_to(lambda shift: cdf(found, freedom, shift), 1 - doubt / 2)
    high = _falls_to(lambda shift: cdf(max(found, freedom), freedom, shift), doubt / 2)
    return Interval(noise * low, noise * high)


def cdf(value: float, freedom: int, noncentrality: float) -> float:
    """Return the noncentral χ² distribution function of `value`.

    It is exact for one degree of freedom. Otherwise it is Sankaran's normal approximation (Biometrika 1963, 50,
    199-204), which is within 0.015, and errs on the cautious side far out in the upper tail.
    """
    if value <= 0:
        return 0.0
    if freedom == 1:
        root, centre = math.sqrt(value), math.sqrt(noncentrality)
        return _normal(root - centre) - _normal(-root - centre)
    k, shift = freedom, noncentrality
    h = 1 - 2 * (k + shift) * (k + 3 * shift) / (3 * (k + 2 * shift) ** 2)
    p = (k + 2 * shift) / (k + shift) ** 2
    m = (h - 1) * (1 - 3 * h)
    mean = 1 + h * p * (h - 1 - 0.5 * (2 - h) * m * p)
    spread = h * math.sqrt(2 * p) * (1 + 0.5 * m * p)
    return _normal(((value / (k + shift)) ** h - mean) / spread)


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))


def _falls_to(function: Callable[[float], float], level: float) -> float:
    """Return the number from 0 on at which a falling function reaches `level`, or 0 if it starts below."""
    if function(0.0) <= level:
        return 0.0
    low, high = 0.0, 1.0
    while function(high) > level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > level else (low, middle)
    return high
