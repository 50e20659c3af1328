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

from models.calibrate import fit, table
from models.finetune import read_rows
from models.floor import floor_scores
from models.metrics import measure
from models.recipe import Head, Recipe, load_recipe
from models.score import Calibration, Floats, OnnxModel, Windows, score

log = logging.getLogger("models.evaluate")


def dev_rows(recipe: Recipe, head: Head, dev: list[dict[str, Any]]) -> list[int]:
    """Indexes of the rows that a head is calibrated and measured on: those of held-out publishers where there are any."""
    sets = {s.set for s in recipe.sources if head.name in s.dev}
    rows = [i for i, r in enumerate(dev) if r["set"] in sets and head.name in r["targets"]]
    held = [i for i in rows if dev[i]["held_out"]]
    return held or rows


def truth_of(head: Head, rows: list[dict[str, Any]]) -> npt.NDArray[np.int64]:
    """A label's index, or 0/1."""
    targets = [r["targets"][head.name] for r in rows]
    return np.array([int(np.argmax(t)) if head.kind == "multiclass" else t[0] for t in targets])


def cross_fitted(head: Head, windows: Windows, truth: npt.NDArray[np.int64]) -> Floats:
    """Scores of each half of the rows, calibrated on the other half: what calibration error may be measured on."""
    out = np.zeros((len(truth), len(head.labels)))
    for half in (0, 1):
        fitted = fit(head, windows.of(np.arange(len(truth)) % 2 != half), truth[np.arange(len(truth)) % 2 != half])
        out[half::2] = windows.pooled(head, fitted)[half::2]
    return out


def evaluate_head(
    recipe: Recipe, head: Head, train: list[dict[str, Any]] | None, dev: list[dict[str, Any]], windows: Windows
) -> tuple[Calibration, dict[str, Any], dict[str, Any]]:
    """Calibration, metrics and threshold tables of one head."""
    chosen = dev_rows(recipe, head, dev)
    rows = [dev[i] for i in chosen]
    mine = windows.of(np.isin(np.arange(len(dev)), chosen))
    truth = truth_of(head, rows)
    calibration = fit(head, mine, truth)
    scores = mine.pooled(head, calibration)
    metrics: dict[str, Any] = {"measured_on": _named(rows), **measure(head, scores, truth)}
    metrics["ece"] = measure(head, cross_fitted(head, mine, truth), truth)["ece"]
    parts = sorted({r["part"] for r in rows})
    if len(parts) > 1:
        metrics["parts"] = {p: _auroc(head, scores, truth, np.array([r["part"] == p for r in rows])) for p in parts}
        metrics["parts"] = {p: v for p, v in metrics["parts"].items() if v}
    if train is not None:
        metrics["floor"] = measure(head, floor_scores(head, train, [r["text"] for r in rows], recipe.training.seed), truth)
    near = [i for i, r in enumerate(dev) if head.name in r["targets"] and i not in set(chosen) and r["set"] in _sets(rows)]
    if near:
        known = truth_of(head, [dev[i] for i in near])
        near_scores = windows.of(np.isin(np.arange(len(dev)), near)).pooled(head, calibration)
        metrics["same_publishers"] = measure(head, near_scores, known)
    tables = {
        label: table(scores[:, k], truth == (k if head.kind == "multiclass" else 1)) for k, label in enumerate(head.labels)
    }
    return calibration, metrics, tables


def ordinary(recipe: Recipe, dev: list[dict[str, Any]], windows: Windows, fitted: dict[str, Calibration]) -> dict[str, Any]:
    """Share of dev rows that no head should fire on, by label that fires all the same (score >= 0.5)."""
    out: dict[str, Any] = {}
    calm = [i for i, r in enumerate(dev) if all(_calm(recipe, n, t) for n, t in r["targets"].items()) and _other(recipe, r)]
    for head in recipe.heads:
        rows = [i for i in calm if head.name in dev[i]["targets"]]
        if rows:
            p = windows.of(np.isin(np.arange(len(dev)), rows)).pooled(head, fitted[head.name])
            fires = {x: round(float((p[:, k] >= 0.5).mean()), 4) for k, x in enumerate(head.labels) if x != "normal"}
            out[head.name] = {"rows": len(rows), "fires": fires}
    return out


def _calm(recipe: Recipe, name: str, target: list[int]) -> bool:
    head = next(h for h in recipe.heads if h.name == name)
    return target == [1] + [0] * (len(head.labels) - 1) if head.kind == "multiclass" else target == [0]


def _other(recipe: Recipe, row: dict[str, Any]) -> bool:
    return not any(s.set == row["set"] and s.dev for s in recipe.sources)


def _sets(rows: list[dict[str, Any]]) -> set[str]:
    return {r["set"] for r in rows}


def _named(rows: list[dict[str, Any]]) -> str:
    held = sorted({r["part"] for r in rows if r["held_out"]})
    return ", ".join(sorted(_sets(rows))) + (f": unseen publishers ({', '.join(held)})" if held else " dev")


def _auroc(head: Head, scores: Floats, truth: npt.NDArray[np.int64], where: npt.NDArray[np.bool_]) -> dict[str, float]:
    if where.sum() < 50 or len(set(truth[where].tolist())) < max(2, len(head.labels)):
        return {}
    found = measure(head, scores[where], truth[where])
    return {k: found[k] for k in ("rows", "macro_f1", "auprc", "auroc")}


def evaluate(recipe: Recipe, rows: Path, folder: Path, network: Path | None = None, floor: bool = True) -> dict[str, Any]:
    """Write and give the evaluation: rows, calibration, metrics by head, behaviour on ordinary text."""
    train, dev = read_rows(rows / "train.jsonl"), read_rows(rows / "dev.jsonl")
    model = OnnxModel(folder / "model.onnx", recipe.heads)
    texts = [r["text"] for r in dev]
    windows = score(model, folder, texts, recipe.max_tokens, recipe.overlap)
    log.info("%d windows of %d dev texts scored", len(windows.owner), len(dev))
    metrics: dict[str, Any] = {}
    fitted: dict[str, Calibration] = {}
    tables: dict[str, Any] = {}
    for head in recipe.heads:
        fitted[head.name], metrics[head.name], more = evaluate_head(recipe, head, train if floor else None, dev, windows)
        tables |= more
        log.info("%s: %s", head.name, metrics[head.name])
    result = {
        "rows": {
            "train": dict(Counter(r["set"] for r in train)),
            "dev": dict(Counter(r["set"] for r in dev)),
        },
        "calibration": {name: asdict(c) for name, c in fitted.items()},
        "metrics": metrics | {"ordinary_text": ordinary(recipe, dev, windows, fitted)},
    }
    if network is not None:
        from models.agreement import agreement

        result["metrics"]["int8_against_float"] = agreement(recipe, network, folder, dev, windows, fitted)
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
