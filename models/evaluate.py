"""Measures and calibrates the exported file itself, on dev rows, beside the TF-IDF floor.

    python -m models.evaluate RECIPE --rows DIR --model DIR [--network DIR] [--no-floor]

Writes evaluation.json and calibration.json beside model.onnx. `--network` adds the agreement with the network before
its weights were rounded. A test split is never read.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.agreement import agreement
from models.calibrate import fit, table
from models.finetune import read_rows
from models.floor import floor_scores
from models.metrics import measure
from models.recipe import Head, Recipe, load_recipe
from models.score import Calibration, Floats, OnnxModel, Windows, score
from models.slices import Rows, contrast, false_alarms, harmless_rows

log = logging.getLogger("models.evaluate")
PART, EACH = 50, 10  # rows of a part, and of each class in it; smaller ones are not measured on their own


def measured_rows(recipe: Recipe, head: Head, dev: Rows) -> tuple[list[int], list[int]]:
    """Rows that a head is calibrated and measured on, and the other ones of their sets.

    Where publishers were held out, the first are theirs and the second those of publishers seen in training.
    """
    sets = {s.set for s in recipe.sources if head.name in s.dev}
    rows = [i for i, r in enumerate(dev) if r["set"] in sets and head.name in r["targets"]]
    held = [i for i in rows if dev[i]["held_out"]]
    return (held, [i for i in rows if not dev[i]["held_out"]]) if held else (rows, [])


def truth_of(head: Head, rows: Rows) -> npt.NDArray[np.int64]:
    """A label's index, or 0/1."""
    targets = [r["targets"][head.name] for r in rows]
    return np.array([int(np.argmax(t)) if head.kind == "multiclass" else t[0] for t in targets], np.int64)


def measure_head(
    recipe: Recipe, head: Head, train: Rows | None, dev: Rows, windows: Windows
) -> tuple[Calibration, dict[str, Any], dict[str, Any]]:
    """Calibration, metrics and threshold tables of one head; `train` is for the floor."""
    rows, near = measured_rows(recipe, head, dev)
    truth = truth_of(head, [dev[i] for i in rows])
    own = windows.of(np.isin(np.arange(len(dev)), rows))
    calibration = fit(head, own, truth)
    scores = windows.pooled(head, calibration)
    metrics: dict[str, Any] = {"measured_on": _named([dev[i] for i in rows]), **measure(head, scores[rows], truth)}
    metrics["positives"] = int((truth == len(head.labels) - 1).sum() if head.kind == "multiclass" else truth.sum())
    metrics["ece"] = measure(head, _cross_fitted(head, own, truth), truth)["ece"]
    metrics["parts"] = _parts(head, scores[rows], truth, [dev[i]["part"] for i in rows])
    if near:
        metrics["same_publishers"] = measure(head, scores[near], truth_of(head, [dev[i] for i in near]))
    if train is not None:
        floor = floor_scores(head, train, [dev[i]["text"] for i in rows], recipe.training.seed)
        metrics["floor"] = measure(head, floor, truth)
    both = rows + harmless_rows(recipe, head, dev)
    known = truth_of(head, [dev[i] for i in both])
    wanted = range(len(head.labels)) if head.kind == "multiclass" else (1,)
    tables = {x: table(scores[both, k], known == w) for k, (x, w) in enumerate(zip(head.labels, wanted, strict=True))}
    return calibration, metrics, tables


def _cross_fitted(head: Head, windows: Windows, truth: npt.NDArray[np.int64]) -> Floats:
    """Scores of each half of the rows, calibrated on the other half: what calibration error may be measured on."""
    out = np.zeros((len(truth), len(head.labels)))
    odd = np.arange(len(truth)) % 2 == 1
    for half in (odd, ~odd):
        out[half] = windows.of(half).pooled(head, fit(head, windows.of(~half), truth[~half]))
    return out


def _parts(head: Head, scores: Floats, truth: npt.NDArray[np.int64], part: list[str]) -> dict[str, Any]:
    out = {}
    for name, rows in Counter(part).items():
        where = np.array(part) == name
        classes = np.bincount(truth[where], minlength=max(2, len(head.labels)))
        if PART <= rows < len(part) and classes.min() >= EACH:
            found = measure(head, scores[where], truth[where])
            out[name] = {k: found[k] for k in ("rows", "macro_f1", "auprc", "auroc")}
    return out


def _named(rows: Rows) -> str:
    held = sorted({r["part"] for r in rows if r["held_out"]})
    sets = ", ".join(sorted({r["set"] for r in rows}))
    return f"{sets}: unseen publishers ({', '.join(held)})" if held else f"{sets} dev"


def evaluate(
    recipe: Recipe, rows: Path, folder: Path, network: Path | None = None, floor: bool = True
) -> dict[str, Any]:
    """Write and give the evaluation: row counts, calibration, metrics by head, harmless text, contrast rows."""
    train, dev = read_rows(rows / "train.jsonl"), read_rows(rows / "dev.jsonl")
    model = OnnxModel(folder / "model.onnx", recipe.heads)
    windows = score(model, folder, [r["text"] for r in dev], recipe.max_tokens, recipe.overlap)
    log.info("%d windows of %d dev texts scored", len(windows.owner), len(dev))
    fitted: dict[str, Calibration] = {}
    metrics: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for head in recipe.heads:
        fitted[head.name], metrics[head.name], more = measure_head(recipe, head, train if floor else None, dev, windows)
        tables |= more
        log.info("%s: %s", head.name, metrics[head.name])
    scores = {h.name: windows.pooled(h, fitted[h.name]) for h in recipe.heads}
    metrics["harmless_text"] = false_alarms(recipe, dev, scores)
    metrics["contrast"] = contrast(recipe, dev, scores)
    if network is not None:
        metrics["int8_against_float"] = agreement(recipe, network, folder, dev, windows, fitted)
    result = {
        "rows": {"train": dict(Counter(r["set"] for r in train)), "dev": dict(Counter(r["set"] for r in dev))},
        "calibration": {name: asdict(c) for name, c in fitted.items()},
        "metrics": metrics,
    }
    (folder / "calibration.json").write_text(json.dumps(tables, separators=(",", ":")) + "\n")
    (folder / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--network", type=Path)
    parser.add_argument("--no-floor", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    evaluate(load_recipe(args.recipe), args.rows, args.model, args.network, not args.no_floor)


if __name__ == "__main__":
    main()
