"""What storing weights as int8 costs: the shipped file beside the network it was rounded from, on dev rows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from models.export import to_onnx
from models.heads import load_network
from models.recipe import Recipe
from models.score import Calibration, OnnxModel, Windows, score


def agreement(
    recipe: Recipe, network: Path, folder: Path, dev: list[dict[str, Any]], windows: Windows,
    fitted: Mapping[str, Calibration],
) -> dict[str, Any]:  # fmt: skip
    """By head, on all dev rows labelled for it: largest and mean |Δp|, share of equal decisions, fall in AUPRC."""
    with tempfile.TemporaryDirectory() as temporary:
        to_onnx(load_network(network), Path(temporary) / "float.onnx")
        model = OnnxModel(Path(temporary) / "float.onnx", recipe.heads)
        exact = score(model, folder, [r["text"] for r in dev], recipe.max_tokens, recipe.overlap)
    out: dict[str, Any] = {}
    for head in recipe.heads:
        mine = np.array([head.name in r["targets"] for r in dev])
        p = windows.of(mine).pooled(head, fitted[head.name])
        q = exact.of(mine).pooled(head, fitted[head.name])
        multi = head.kind == "multiclass"
        same = p.argmax(1) == q.argmax(1) if multi else (p >= 0.5)[:, 0] == (q >= 0.5)[:, 0]
        column = len(head.labels) - 1
        rows = [r["targets"][head.name] for r in dev if head.name in r["targets"]]
        known = np.array([sum(r) == 1 or not multi for r in rows])
        truth = np.array([r[column] for r in rows])[known]
        fall = average_precision_score(truth, q[known, column]) - average_precision_score(truth, p[known, column])
        out[head.name] = {
            "rows": int(mine.sum()),
            "max_delta": round(float(np.abs(p - q).max()), 4),
            "mean_delta": round(float(np.abs(p - q).mean()), 5),
            "same_decision": round(float(same.mean()), 4),
            "auprc_fall": round(float(fall), 4) + 0.0,
        }
    return out
