"""Measure where a head is better or worse: by source, language, length, and in rows that name a group.

Each head is taken as one question, whether it flags the row; a multiclass head flags with any label but its first. Rows
that may be either are not counted. `scores` is {head: [dev rows, labels]}, calibrated and pooled, for all dev rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from models.measure.metrics import precision_recall_f1, ranking
from models.recipe import Recipe, RecipeHead
from models.rows import LabelledRow
from models.text.score import Floats
from screening.records import Genre

Bools = npt.NDArray[np.bool_]
TERMS = Path(__file__).with_name("identity_terms.yaml")
ROWS, EACH = 50, 10  # the fewest rows of a slice, and of a class in it, for which there is a figure
LENGTHS = (10, 25, 50, 200)  # in words
NO_GROUP = "no group named"


def flagged(head: RecipeHead, row: LabelledRow) -> bool | None:
    """Return whether a row's target is anything but harmless; None if it may be either."""
    target = row["targets"].get(head.name)
    if target is None or head.kind == "multilabel":
        return None if target is None or target[0] < 0 else bool(target[0])
    return None if target[0] and sum(target) > 1 else not target[0]


def flag_score(head: RecipeHead, scores: Floats) -> Floats:
    """Return how strongly each row is flagged, [rows], 0 to 1; 0.5 or more is flagged."""
    return 1 - scores[:, 0] / scores.sum(1) if head.kind == "multiclass" else scores[:, 0]


def harmless_rows(recipe: Recipe, head: RecipeHead, dev: Sequence[LabelledRow]) -> list[int]:
    """Return the indices of the dev rows that say `no` to this head, from sources that the recipe calls harmless."""
    sets = {s.name for s in recipe.sources if s.harmless}
    return [i for i, r in enumerate(dev) if r["set"] in sets and flagged(head, r) is False]


def harmless_by_genre(recipe: Recipe, head: RecipeHead, dev: Sequence[LabelledRow]) -> dict[Genre, list[int]]:
    """Return the indices of the dev rows that say `no` to this head, by the genre of their source."""
    genres = {s.name: s.genre for s in recipe.sources if s.genre}
    found: dict[Genre, list[int]] = {}
    for i, row in enumerate(dev):
        if (genre := genres.get(row["set"])) and flagged(head, row) is False:
            found.setdefault(genre, []).append(i)
    return found


def false_alarms(recipe: Recipe, dev: Sequence[LabelledRow], scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return, by head and label, the share of the head's harmless rows that score 0.5 or more."""
    out: dict[str, Any] = {}
    for head in recipe.heads:
        if rows := harmless_rows(recipe, head, dev):
            share = (scores[head.name][rows] >= 0.5).mean(0)
            fires = {x: round(float(v), 4) for x, v in zip(head.labels, share, strict=True)}
            if head.kind == "multiclass":
                del fires[head.labels[0]]
            out[head.name] = {"rows": len(rows), "fires": fires}
    return out


def contrast(recipe: Recipe, dev: Sequence[LabelledRow], scores: Mapping[str, Floats]) -> dict[str, Any]:
    """Return, by head, the share of hostile contrast rows it finds, of harmless ones it lets pass, and the AUROC."""
    out: dict[str, Any] = {}
    for head in recipe.heads:
        rows = [i for i, r in enumerate(dev) if r["set"] == "contrast" and flagged(head, r) is not None]
        truth = np.array([flagged(head, dev[i]) for i in rows], bool)
        if EACH <= truth.sum() <= len(truth) - EACH:
            told = _figures(flag_score(head, scores[head.name][rows]), truth)
            out[head.name] = {
                "rows": len(rows), "hit": told["recall"], "pass": round(1 - told["fpr"], 4), "auroc": told["auroc"],
            }  # fmt: skip
    return out


def slices(
    recipe: Recipe, dev: Sequence[LabelledRow], scores: Mapping[str, Floats], floor: Mapping[str, Floats] | None = None
) -> dict[str, Any]:
    """Return {head: {kind: {slice: figures}}}; the kinds are `all`, `source`, `language`, `length` and `group`.

    With the floor's scores, its figures are there too, as `floor`. Rows that name a group come from other sources than
    the rest, so `fpr_same_sources` is what their false-positive rate would be if each source treated them like its
    other rows.
    """
    keys = _keys(dev)
    out: dict[str, Any] = {}
    for head in recipe.heads:
        told = [flagged(head, r) for r in dev]
        known = np.array([t is not None for t in told])
        truth = np.array([bool(t) for t in told])
        score = flag_score(head, scores[head.name])
        base = flag_score(head, floor[head.name]) if floor else None
        out[head.name] = {}
        for kind, members in keys.items():
            out[head.name][kind] = {}
            for name, member in members.items():
                where = member & known
                if where.sum() >= ROWS:
                    out[head.name][kind][name] = figures = _figures(score[where], truth[where])
                    if base is not None:
                        other = _figures(base[where], truth[where])
                        figures["floor"] = {k: other[k] for k in ("precision", "recall", "f1", "auroc", "fpr")}
                    if kind == "group" and name != NO_GROUP and figures["fpr"] is not None:
                        others = known & keys["group"][NO_GROUP]
                        figures["fpr_same_sources"] = _expected(score, truth, where, others, keys["source"])
    return out


def _expected(score: Floats, truth: Bools, where: Bools, others: Bools, sources: Mapping[str, Bools]) -> float | None:
    """Return the false-positive rate of `others`, each source weighted by its harmless rows in `where`.

    This is direct standardisation. Sources with too few of the others are left out; None if that is half of the rows.
    """
    share, weight = 0.0, 0
    for source in sources.values():
        rest = others & source & ~truth
        count = int((where & source & ~truth).sum())
        if count and rest.sum() >= EACH:
            share += count * float((score[rest] >= 0.5).mean())
            weight += count
    return round(share / weight, 4) if weight >= (where & ~truth).sum() / 2 and weight else None


def _keys(dev: Sequence[LabelledRow]) -> dict[str, dict[str, Bools]]:
    words = np.array([len(r["text"].split()) for r in dev])
    edges = [0, *LENGTHS, np.inf]
    length = {
        f"{low + 1} to {high} words" if high < np.inf else f"over {low} words": (words > low) & (words <= high)
        for low, high in pairwise(edges)
    }
    texts = [r["text"].lower() for r in dev]
    group = {name: np.array([bool(pattern.search(t)) for t in texts], bool) for name, pattern in _patterns().items()}
    group = {NO_GROUP: ~np.any(list(group.values()), axis=0), **group}
    return {
        "all": {"all": np.ones(len(dev), bool)},
        "source": _equal([r["set"] if r["part"] in ("", r["set"]) else f"{r['set']}: {r['part']}" for r in dev]),
        "language": _equal([r.get("language") or "unknown" for r in dev]),
        "length": length,
        "group": group,
    }


def _equal(names: list[str]) -> dict[str, Bools]:
    every = np.array(names)
    return {str(name): every == name for name in np.unique(every)}


def _patterns() -> dict[str, re.Pattern[str]]:
    terms: dict[str, list[str]] = yaml.safe_load(TERMS.read_text(encoding="utf-8"))
    return {name: re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b") for name, words in terms.items()}


def _figures(score: Floats, truth: Bools) -> dict[str, Any]:
    """Return rows, prevalence, and at 0.5 precision, recall, F1 and false-positive rate; None if rows are too few."""
    found = score >= 0.5
    hits, misses = int(truth.sum()), int((~truth).sum())
    cells = np.bincount(2 * truth + found, minlength=4).reshape(1, 2, 2).astype(np.float64)
    precision, recall, f1 = (float(v[0, 1]) for v in precision_recall_f1(cells))
    _, auroc = ranking(score, truth, np.ones((1, len(score)), np.float32))
    alarms = int(cells[0, 0, 1])
    enough = min(hits, misses) >= EACH
    out = {
        "prevalence": hits / len(truth),
        "precision": precision if hits >= EACH else None,
        "recall": recall if hits >= EACH else None,
        "f1": f1 if hits >= EACH else None,
        "auroc": float(auroc[0]) if enough else None,
        "fpr": alarms / misses if misses >= EACH else None,
    }
    rounded: dict[str, Any] = {k: v if v is None else round(v, 4) for k, v in out.items()}
    if misses >= EACH:
        rounded["fpr_interval"] = wilson(alarms, misses)
    return {"rows": len(truth), **rounded}


def wilson(hits: int, of: int) -> list[float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    middle, spread = hits + z * z / 2, z * np.sqrt(hits * (of - hits) / of + z * z / 4)
    return [round(float((middle - spread) / (of + z * z)), 4), round(float((middle + spread) / (of + z * z)), 4)]
