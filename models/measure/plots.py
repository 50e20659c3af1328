"""Draw precision-recall curves and reliability diagrams, one SVG per head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from models.measure.head_figures import Measured
from models.measure.slices import Bools, wilson
from models.recipe import RecipeHead
from models.text.score import Floats

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito 2008
MARKERS = "os^Dv*"
BINS = 10


def plot(head: RecipeHead, measured: Measured, path: Path) -> None:
    """Write an SVG: left, precision over recall, also of the floor; right, the share of positives by probability."""
    with mpl.rc_context({"svg.hashsalt": head.name, "svg.fonttype": "none", "font.size": 9}):
        page = Figure(figsize=(9, 4.2), layout="constrained")
        curves, reliability = page.subplots(1, 2)
        page.suptitle(f"{head.name}: {measured.metrics['measured_on']}, {measured.metrics['rows']} rows", fontsize=10)
        multi = head.kind == "multiclass"
        for k, label in enumerate(head.labels):
            positive = measured.truth == (k if multi else 1)
            colour = COLOURS[k % len(COLOURS)]
            _curve(curves, measured.scores, k, positive, label, {"color": colour, "linewidth": 1.8})
            if measured.floor is not None:
                _curve(curves, measured.floor, k, positive, f"{label}, floor", {"color": colour, "linestyle": "--"})
            curves.axhline(positive.mean(), color=colour, linewidth=0.8, linestyle=":")
            _reliability(reliability, measured.cross_fitted[:, k], positive, label, colour, MARKERS[k % len(MARKERS)])
        curves.set(xlabel="recall", ylabel="precision", title="Precision and recall (dotted: share of positives)")
        reliability.plot((0, 1), (0, 1), color="0.6", linewidth=0.8)
        reliability.set(
            xlabel="predicted probability", ylabel="share of positives", title="Reliability, cross-fitted (bars: 95 %)"
        )
        for axes in (curves, reliability):
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
            axes.grid(color="0.92")
            axes.set_axisbelow(True)
            axes.legend(frameon=False, fontsize=8, loc="best")
        path.parent.mkdir(parents=True, exist_ok=True)
        page.savefig(path, metadata={"Date": None})


def _curve(axes: Axes, scores: Floats, k: int, positive: Bools, label: str, style: dict[str, Any]) -> None:
    p = scores[:, k] / scores.sum(1) if scores.shape[1] > 1 else scores[:, 0]
    precision, recall, _ = precision_recall_curve(positive, p)
    axes.plot(recall, precision, label=label, **style)


def _reliability(axes: Axes, score: Floats, positive: Bools, label: str, colour: str, marker: str) -> None:
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    bins = [b for b in range(BINS) if (place == b).sum() >= 5]
    x = [score[place == b].mean() for b in bins]
    y = np.array([positive[place == b].mean() for b in bins])
    around = np.array([wilson(int(positive[place == b].sum()), int((place == b).sum())) for b in bins])
    axes.errorbar(
        x, y, np.abs(around.T - y), color=colour, marker=marker, markersize=4.5, linewidth=1.4, capsize=2, label=label
    )
