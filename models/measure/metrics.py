"""Compute how good a head is, in figures that don't hide a rare label: never a bare accuracy.

Every figure is computed for many weightings of the rows at once, so a bootstrap costs little more than one figure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.measure.bootstrap import Weights, blocks
from models.recipe import RecipeHead
from models.text.score import Floats

Truth = npt.NDArray[np.int64]
Figures = dict[str, Floats]
BINS = 15


def measure(head: RecipeHead, scores: Floats, truth: Truth) -> dict[str, float]:
    """Return precision, recall and F1 (macro over classes; at 0.5 for one label), AUPRC, AUROC and calibration error.

    `scores` is [n, labels]; `truth` has a label's index, or 0/1. AUPRC and AUROC are means over a multiclass head's
    labels, each against the rest. A figure is NaN if a class is missing.
    """
    found = figures(head, scores, truth, np.ones((1, len(truth)), np.float32))
    return {k: round(float(v[0]), 4) for k, v in found.items()} | {"rows": len(truth)}


def figures(head: RecipeHead, scores: Floats, truth: Truth, weights: Weights) -> Figures:
    """Return the same figures, unrounded, for each row of `weights` [resamples, n]: {figure: [resamples]}."""
    parts = [_figures(head, scores, truth, block) for block in blocks(weights)]
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def by_label(head: RecipeHead, scores: Floats, truth: Truth) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1, AUPRC and AUROC of each label of a multiclass head against the rest."""
    p, one = scores / scores.sum(1, keepdims=True), np.ones((1, len(truth)), np.float32)
    counts = _confusion(truth, p.argmax(1), len(head.labels), one)
    out = {}
    for k, label in enumerate(head.labels):
        told = [float(v[0, k]) for v in precision_recall_f1(counts)]
        told += [float(v[0]) for v in ranking(p[:, k], truth == k, one)]
        out[label] = {
            n: round(v, 4) for n, v in zip(("precision", "recall", "f1", "auprc", "auroc"), told, strict=True)
        }
    return out


def macro_f1(truth: Truth, guess: Truth, classes: int) -> float:
    """Return the mean F1 over the classes."""
    counts = _confusion(truth, guess, classes, np.ones((1, len(truth)), np.float32))
    return float(precision_recall_f1(counts)[2].mean())


def _figures(head: RecipeHead, scores: Floats, truth: Truth, weights: Weights) -> Figures:
    if head.kind == "multiclass":
        p = scores / scores.sum(1, keepdims=True)
        guess = p.argmax(1)
        error = _calibration_error(p.max(1), guess == truth, weights)
        ranked = [ranking(p[:, k], truth == k, weights) for k in range(len(head.labels))]
    else:
        guess = (scores[:, 0] >= 0.5).astype(np.int64)
        error = _calibration_error(scores[:, 0], truth == 1, weights)
        ranked = [ranking(scores[:, 0], truth == 1, weights)]
    counts = _confusion(truth, guess, max(2, len(head.labels)), weights)
    precision, recall, f1 = precision_recall_f1(counts)
    out = {"precision": precision.mean(1), "recall": recall.mean(1), "macro_f1": f1.mean(1)}
    if head.kind == "multilabel":
        out |= {"precision": precision[:, 1], "recall": recall[:, 1], "f1": f1[:, 1]}
    auprc, auroc = (np.mean([r[k] for r in ranked], axis=0) for k in (0, 1))
    whole = (counts.sum(2) > 0).all(1)
    return {k: np.where(whole, v, np.nan) for k, v in {**out, "auprc": auprc, "auroc": auroc, "ece": error}.items()}


def _confusion(truth: Truth, guess: Truth, classes: int, weights: Weights) -> Floats:
    cells = np.eye(classes * classes, dtype=np.float32)[truth * classes + guess]
    counts: Floats = (weights @ cells).reshape(-1, classes, classes).astype(np.float64)
    return counts


def precision_recall_f1(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return three [resamples, classes] from counts [resamples, truth, guess]; 0 if there is nothing to count."""
    hit = np.diagonal(counts, axis1=1, axis2=2)
    said, true = counts.sum(1), counts.sum(2)
    return (hit / np.maximum(said, 1e-9), hit / np.maximum(true, 1e-9), 2 * hit / np.maximum(said + true, 1e-9))


def ranking(score: Floats, positive: npt.NDArray[np.bool_], weights: Weights) -> tuple[Floats, Floats]:
    """Return AUPRC (average precision) and AUROC (ties count half), each [resamples]; NaN if a class is missing."""
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) != 0])
    drawn = weights[:, order]
    hit = np.add.reduceat(drawn * positive[order].astype(np.float32), starts, axis=1)
    every = np.add.reduceat(drawn, starts, axis=1)
    above = hit.cumsum(1)
    hits = above[:, -1].astype(np.float64)
    misses = every.sum(1) - hits
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = above / np.maximum(every.cumsum(1), 1)
        auprc = (precision * hit).sum(1, dtype=np.float64) / hits
        auroc = ((every - hit) * (above - hit / 2)).sum(1, dtype=np.float64) / (hits * misses)
    undefined = (hits == 0) | (misses == 0)
    return np.where(undefined, np.nan, auprc), np.where(undefined, np.nan, auroc)


def _calibration_error(confidence: Floats, right: npt.NDArray[np.bool_], weights: Weights) -> Floats:
    """Return the expected calibration error over bins of equal width (Naeini et al. 2015)."""
    place = np.eye(BINS, dtype=np.float32)[np.minimum((confidence * BINS).astype(int), BINS - 1)]
    gap = weights @ (place * (confidence - right)[:, None].astype(np.float32))
    error: Floats = np.abs(gap).sum(1) / weights.sum(1, dtype=np.float64)
    return error
