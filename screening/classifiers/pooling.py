"""Turn the logits of windows or sentences into the scores of whole contents: calibrate them, then pool them.

Jobs and training both score with these functions, so a threshold means the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Kind = Literal["multiclass", "multilabel"]
Pool = Literal["max", "mean"]
Scope = Literal["window", "sentence"]  # what a head scores, before this is pooled
Probabilities = npt.NDArray[np.float64]


class Scaling(Protocol):
    """A calibration with one scale and one shift per label (Platt 1999; Guo et al. 2017)."""

    @property
    def scale(self) -> Sequence[float]:
        """The factors of the logits, one per label."""

    @property
    def shift(self) -> Sequence[float]:
        """What is added to the scaled logits, one number per label."""


def calibrated(kind: Kind, logits: npt.NDArray[np.floating], scaling: Scaling | None = None) -> Probabilities:
    """Return the softmax or sigmoid of a head's scaled logits [windows, labels]; NaN if a logit is not finite."""
    logits = np.asarray(logits, np.float64)
    if scaling:
        logits = logits * np.array(scaling.scale) + np.array(scaling.shift)
    logits = np.where(np.isfinite(logits), logits, np.nan)
    if kind == "multiclass":
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))


def with_any(values: Probabilities) -> Probabilities:
    """Return the probabilities of a multiclass head, and beside them the one of not being of the first class."""
    return np.hstack([values, 1 - values[:, :1]])


class Pooling:
    """A plan of which windows (or sentences) belong to which content, so that many contents are pooled at once.

    Contents with equally many windows are pooled in one step, but the score of one doesn't depend on the others.
    """

    def __init__(self, numbers: npt.ArrayLike, weights: npt.ArrayLike) -> None:
        """Take how many windows each content has (`numbers`, at least 1), and each window's weight in a mean."""
        counts, weight = np.asarray(numbers), np.asarray(weights, np.float64)
        first = np.cumsum(counts) - counts
        self._contents = len(counts)
        self._logs = np.log(counts)[:, None]
        self._alike = [
            (where := np.flatnonzero(counts == count), rows := first[where, None] + np.arange(count), weight[rows])
            for count in np.unique(counts)
        ]

    def pooled(self, pool: Pool, values: Probabilities) -> Probabilities:
        """Return [contents, labels] from [windows, labels]: each label's highest value, or its weighted mean."""
        out = np.empty((self._contents, values.shape[1]))
        for where, rows, weight in self._alike:
            own = values[rows]
            if pool == "max":
                out[where] = own.max(axis=1)
            else:
                out[where] = (weight[:, None] @ own)[:, 0] / weight.sum(axis=1, keepdims=True)
        return out

    def discounted(self, scores: Probabilities, discount: float) -> Probabilities:
        """Return pooled scores [contents, labels] after their logits fell by `discount` × log(number of windows)."""
        if not discount:
            return scores
        p = np.clip(scores, 1e-9, 1 - 1e-9)
        return np.asarray(1 / (1 + np.exp(discount * self._logs) * (1 - p) / p))

    def highest(self, values: Probabilities) -> npt.NDArray[np.intp]:
        """Return, for each content and label, which of the content's windows has the highest value.

        The result is [contents, labels]; of (nearly) equal windows the first is taken.
        """
        out = np.empty((self._contents, values.shape[1]), np.intp)
        for where, rows, _ in self._alike:
            out[where] = values[rows].round(5).argmax(axis=1)  # kernels may round equal values differently
        return out
