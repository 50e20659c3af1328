"""Measure one head on its dev rows: every figure, its interval, and the floor's figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.measure.bootstrap import Weights, intervals, resamples
from models.measure.calibrate import fit, highest, table
from models.measure.decisions import best_decision
from models.measure.metrics import Truth, by_label, figures, measure
from models.measure.slices import EACH, ROWS, Bools, harmless_by_genre, harmless_rows
from models.recipe import Recipe, RecipeHead
from models.rows import LabelledRow
from models.text.score import FittedForm, Floats, HeadCalibration, Windows
from screening.errors import ConfigError


@dataclass(frozen=True)
class Measured:
    """What was measured: `scores` and `floor` [rows, labels] and `truth` [rows] of the rows; `tables` {label: table}.

    `cross_fitted` has the scores of each half of the rows, calibrated on the other half.
    """

    calibration: HeadCalibration
    metrics: dict[str, Any]
    tables: dict[str, Any]
    scores: Floats
    cross_fitted: Floats
    floor: Floats | None
    truth: Truth


def measured_rows(recipe: Recipe, head: RecipeHead, dev: Sequence[LabelledRow]) -> tuple[list[int], list[int]]:
    """Return the rows that a head is calibrated and measured on, and the other rows of their sets.

    If publishers were held out, the first are their rows, and the second those of publishers seen in training. Rows
    with a partial label are in neither.
    """
    sets = {s.name for s in recipe.sources if head.name in s.dev}
    rows = [i for i, r in enumerate(dev) if r["set"] in sets and _known(head, r)]
    held = [i for i in rows if dev[i]["held_out"]]
    return (held, [i for i in rows if not dev[i]["held_out"]]) if held else (rows, [])


def _known(head: RecipeHead, row: LabelledRow) -> bool:
    target = row["targets"].get(head.name)
    return target is not None and (sum(target) == 1 if head.kind == "multiclass" else target[0] >= 0)


def truth_of(head: RecipeHead, rows: Sequence[LabelledRow]) -> Truth:
    """Return each row's label as an index (multiclass), or 0/1."""
    targets = [r["targets"][head.name] for r in rows]
    return np.array([int(np.argmax(t)) if head.kind == "multiclass" else t[0] for t in targets], np.int64)


def measure_head(
    recipe: Recipe,
    head: RecipeHead,
    dev: Sequence[LabelledRow],
    windows: Windows,
    floor: Floats | None,
    form: FittedForm | None = None,
    discount: float = 0.0,
) -> Measured:
    """Return the calibration, metrics and threshold tables of one head; `windows` and `floor` are of all dev rows.

    `form` is what the head may see of the text's form; its figures without the head are in `form_alone`. Raises
    ConfigError if the head's dev rows lack a class.
    """
    rows, near = measured_rows(recipe, head, dev)
    own = [dev[i] for i in rows]
    truth = truth_of(head, own)
    seed = recipe.training.seed
    if _fewest(head, truth) < 2:
        raise ConfigError(
            f"head {head.name!r} can't be measured: its dev rows lack a class", fix="name another dev set"
        )
    mine = windows.of(np.isin(np.arange(len(dev)), rows))
    calibration = fit(head, mine, truth, form, discount)
    every = windows.pooled(head, calibration)
    held = own[0]["held_out"]
    weights = resamples(len(rows), seed, [r["part"] for r in own] if held else None)
    half = _halves(truth, seed)
    metrics = _with_intervals(head, every[rows], truth, weights)
    crossed = _cross_fitted(head, mine, truth, half, calibration)
    unseen = _with_intervals(head, crossed, truth, weights)
    metrics |= {
        "measured_on": _named(own),
        "positives": _positives(head, truth),
        "ece": unseen["ece"],
        "cross_fitted": {k: unseen[k] for k in ("macro_f1", "auprc", "auroc")},
        "best_decision": best_decision(head, every[rows], truth, half),
        "parts": _parts(head, mine, every[rows], truth, own, calibration),
    }
    metrics["intervals"]["ece"] = unseen["intervals"]["ece"]
    if held:
        metrics["publishers"] = len({r["part"] for r in own})
    if form:
        alone = form.added(np.full(len(rows), 0.5), mine.forms)[:, None]
        metrics["form_alone"] = _with_intervals(head, alone, truth, weights)
    if head.kind == "multiclass":
        metrics["labels"] = by_label(head, every[rows], truth)
    its = truth_of(head, [dev[i] for i in near])
    if _fewest(head, its) >= EACH:
        metrics["same_publishers"] = _beside(head, every[near], None if floor is None else floor[near], its, seed)
    if floor is not None:
        metrics |= _floor(head, every[rows], floor[rows], truth, weights)
    both = sorted({*rows, *harmless_rows(recipe, head, dev)})  # a harmless set may be measured on too
    known = truth_of(head, [dev[i] for i in both])
    wanted = range(len(head.labels)) if head.kind == "multiclass" else (1,)
    tables = {x: table(every[both, k], known == w) for k, (x, w) in enumerate(zip(head.labels, wanted, strict=True))}
    scores = dict(zip(head.labels, every.T, strict=True))
    if head.any:
        scores[head.any] = windows.pooled(head, calibration, any_bad=True)[:, 0]
        tables[head.any] = table(scores[head.any][both], known != 0)
    ordinary = harmless_by_genre(recipe, head, dev)
    for label, its_table in tables.items() if ordinary else ():
        its_table["harmless"] = {genre: highest(scores[label][some]) for genre, some in ordinary.items()}
    its_floor = None if floor is None else floor[rows]
    return Measured(calibration, metrics, tables, every[rows], crossed, its_floor, truth)


def _with_intervals(head: RecipeHead, scores: Floats, truth: Truth, weights: Weights) -> dict[str, Any]:
    point = measure(head, scores, truth)
    return {**point, "intervals": intervals(figures(head, scores, truth, weights), point)}


def _floor(head: RecipeHead, scores: Floats, floor: Floats, truth: Truth, weights: Weights) -> dict[str, Any]:
    """Return the floor's figures, and by how much the head is above it on the same resamples."""
    mine, its = figures(head, scores, truth, weights), figures(head, floor, truth, weights)
    here, there = measure(head, scores, truth), measure(head, floor, truth)
    delta = {k: round(here[k] - there[k], 4) for k in mine}
    spread = intervals({k: mine[k] - its[k] for k in mine if k != "ece"}, delta)
    return {
        "floor": {**there, "intervals": intervals(its, there)},
        "over_floor": {k: {"delta": delta[k], "interval": v} for k, v in spread.items()},
    }


def _beside(head: RecipeHead, scores: Floats, floor: Floats | None, truth: Truth, seed: int) -> dict[str, Any]:
    weights = resamples(len(truth), seed)
    out = {**_with_intervals(head, scores, truth, weights), "positives": _positives(head, truth)}
    return out if floor is None else out | _floor(head, scores, floor, truth, weights)


def _halves(truth: Truth, seed: int) -> Bools:
    """Return which rows are in the first half; it has half of the rows of each class."""
    half = np.zeros(len(truth), bool)
    half[np.lexsort((np.random.default_rng(seed).random(len(truth)), truth))[::2]] = True
    return half


def _cross_fitted(head: RecipeHead, windows: Windows, truth: Truth, half: Bools, how: HeadCalibration) -> Floats:
    """Return the scores of each half, calibrated on the other, on which calibration error may be measured.

    What was not fitted to these rows is as in `how`.
    """
    out = np.zeros((len(truth), len(head.labels)))
    for where in (half, ~half):
        out[where] = windows.of(where).pooled(head, _refit(head, windows.of(~where), truth[~where], how))
    return out


def _refit(head: RecipeHead, windows: Windows, truth: Truth, how: HeadCalibration) -> HeadCalibration:
    return fit(head, windows, truth, how.surface, how.discount)


def _parts(
    head: RecipeHead,
    windows: Windows,
    scores: Floats,
    truth: Truth,
    rows: Sequence[LabelledRow],
    how: HeadCalibration,
) -> dict[str, Any]:
    """Return the figures of each part alone; a held-out publisher is calibrated on the others, like a new one."""
    out: dict[str, Any] = {}
    part = np.array([r["part"] for r in rows])
    for name, count in Counter(part.tolist()).items():
        where = part == name
        if not ROWS <= count < len(part) or _fewest(head, truth[where]) < EACH:
            continue
        p = scores[where]
        if rows[0]["held_out"] and _fewest(head, truth[~where]) >= EACH:
            p = windows.of(where).pooled(head, _refit(head, windows.of(~where), truth[~where], how))
        found = measure(head, p, truth[where])
        out[name] = {k: found[k] for k in ("rows", "macro_f1", "auprc", "auroc")}
    return out


def _positives(head: RecipeHead, truth: Truth) -> int:
    """Return the number of rows of the last class, or of "yes"."""
    return int((truth == max(1, len(head.labels) - 1)).sum())


def _fewest(head: RecipeHead, truth: Truth) -> int:
    return int(np.bincount(truth, minlength=max(2, len(head.labels))).min())


def _named(rows: Sequence[LabelledRow]) -> str:
    held = sorted({r["part"] for r in rows if r["held_out"]})
    sets = ", ".join(sorted({r["set"] for r in rows}))
    return f"{sets}: unseen publishers ({', '.join(held)})" if held else f"{sets} dev"
