"""Measure and calibrate the exported model on the dev rows, and compare it with the TF-IDF floor."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.export.convert import digest
from models.measure.any_category import any_category
from models.measure.baseline import floor as floor_of
from models.measure.functional import functional, read_cases
from models.measure.head_figures import measure_head
from models.measure.plots import plot
from models.measure.slices import contrast, false_alarms, slices
from models.measure.surface_fit import learn_form
from models.measure.uploads.discount import fit_discount
from models.recipe import Recipe
from models.rows import LabelledRow, read_rows
from models.text.batches import cutter
from models.text.score import Floats, HeadCalibration, OnnxModel, score

log = logging.getLogger("models.evaluate")


def evaluate(
    recipe: Recipe, rows: Path, folder: Path, floor: bool = True, cases: Sequence[Path] = ()
) -> dict[str, Any]:
    """Write and return the evaluation: row counts, calibration, metrics and slices."""
    train, dev = read_rows(rows, "train"), read_rows(rows, "dev")
    tests = {p.stem: read_cases(p, recipe) for p in (*map(Path, recipe.functional), *cases)}
    model = OnnxModel(folder / "model.onnx", recipe.heads, in_float=True)
    texts = [r["text"] for r in dev]
    tokenizer = cutter(folder, recipe.max_tokens, recipe.overlap)
    windows = score(model, tokenizer, texts)
    log.info("%d windows of %d dev texts scored", len(windows.owner), len(dev))
    fitted: dict[str, HeadCalibration] = {}
    metrics: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    floors: dict[str, Any] = {}
    base: dict[str, Floats] = {}
    for head in recipe.heads:
        if floor:
            floors[head.name] = floor_of(head, train, recipe.training.seed)
            base[head.name] = floors[head.name](texts)
        form, discount = learn_form(recipe, head, train), fit_discount(recipe, head, dev, windows)
        measured = measure_head(recipe, head, dev, windows, base.get(head.name), form, discount)
        fitted[head.name], metrics[head.name] = measured.calibration, measured.metrics
        tables |= measured.tables
        plot(head, measured, folder / "plots" / f"{head.name}.svg")
        log.info("%s: %s", head.name, _line(measured.metrics))
    scores = {h.name: windows.pooled(h, fitted[h.name]) for h in recipe.heads}
    metrics["harmless_text"] = false_alarms(recipe, dev, scores)
    metrics["contrast"] = contrast(recipe, dev, scores)
    if recipe.policy:
        metrics["any_category"] = any_category(recipe, dev, scores, base if floor else None)
        log.info("any category: %s", _line(metrics["any_category"]))
    metrics["functional"] = {}
    for name, each in tests.items():
        said = score(model, tokenizer, [c.text for c in each])
        metrics["functional"][name] = functional(
            recipe, each, {h.name: said.pooled(h, fitted[h.name]) for h in recipe.heads}
        )
        if floor:
            there = {h: f([c.text for c in each]) for h, f in floors.items()}
            metrics["functional"][name]["floor"] = functional(recipe, each, there)
        log.info("functional %s: %.3f passed", name, metrics["functional"][name]["share"])
    result = {
        "model": digest(folder),
        "rows": {"train": _sets(train), "dev": _sets(dev), "languages": _languages([*train, *dev])},
        "calibration": {name: asdict(c) for name, c in fitted.items()},
        "metrics": metrics,
        "slices": slices(recipe, dev, scores, base if floor else None),
    }
    (folder / "calibration.json").write_text(json.dumps(tables, separators=(",", ":")) + "\n")
    (folder / "evaluation.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    return result


def _sets(rows: Sequence[LabelledRow]) -> dict[str, int]:
    return dict(Counter(r["set"] for r in rows))


def _languages(rows: Sequence[LabelledRow]) -> dict[str, int]:
    return dict(Counter(r.get("language") or "unknown" for r in rows).most_common())


def _line(metrics: dict[str, Any]) -> str:
    """Return each figure in words, with its interval and the floor's."""
    floor = metrics.get("floor", {})
    told = []
    for name, (low, high) in metrics.get("intervals", {}).items():
        beside = f" [floor {floor[name]:.3f}]" if name in floor else ""
        told.append(f"{name} {metrics[name]:.3f} ({low:.3f} to {high:.3f}){beside}")
    return f"{metrics['rows']} rows; " + ", ".join(told)
