"""Draw the curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


def draw_curves(losses: Sequence[float], history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write an SVG: above, the loss per batch (mean of a moving window); below, the dev figures per epoch."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasSVG(figure)
    upper, lower = figure.subplots(2, 1)
    width = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.ones(width) / width, "valid")
    upper.plot(np.arange(width, len(losses) + 1), smooth)
    upper.set(xlabel="batch", ylabel=f"training loss (mean of {width})")
    epochs = [h["epoch"] + 1 for h in history]
    for name in [k for k in history[0] if k not in ("epoch", "step")] if history else []:
        lower.plot(epochs, [h[name] for h in history], "o-", label=name, lw=3 if name == "score" else 1)
    lower.set(xlabel="epoch", ylabel="dev rows", xticks=epochs)
    lower.legend(fontsize="small", ncols=3)
    figure.savefig(path, metadata={"Date": None})
