"""How good a head is, with numbers that don't hide a rare label: never a bare accuracy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from models.recipe import Head
from models.score import Floats

Truth = npt.NDArray[np.int64]


def measure(head: Head, scores: Floats, truth: Truth) -> dict[str, float]:
    """Precision, recall and F1 (macro over classes; at 0.5 for one label), AUPRC, AUROC and calibration error.

    `scores` [n, labels]; `truth` is a label's index, or 0/1. AUPRC is the mean over a multiclass head's labels.
    """
    if head.kind == "multiclass":
        guess = scores.argmax(1)
        normed = scores / scores.sum(1, keepdims=True)
        one_hot = np.eye(len(head.labels))[truth]
        auprc = float(np.mean([average_precision_score(one_hot[:, k], normed[:, k]) for k in range(len(head.labels))]))
        auroc = float(roc_auc_score(one_hot, normed, average="macro"))
        error = calibration_error(normed.max(1), guess == truth)
    else:
        guess = (scores[:, 0] >= 0.5).astype(int)
        auprc = float(average_precision_score(truth, scores[:, 0]))
        auroc = float(roc_auc_score(truth, scores[:, 0]))
        error = calibration_error(scores[:, 0], truth == 1)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, guess, average="macro", zero_division=0)
    out = {"precision": precision, "recall": recall, "macro_f1": f1, "auprc": auprc, "auroc": auroc, "ece": error}
    if head.kind == "multilabel":
        p, r, f, _ = precision_recall_fscore_support(truth, guess, average="binary", zero_division=0)
        out |= {"precision": p, "recall": r, "f1": f}
    return {k: round(float(v), 4) for k, v in out.items()} | {"rows": len(truth)}


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Naeini et al. 2015)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean()
        for b in range(bins)
        if (place == b).any()
    ]
    return float(sum(gaps))
