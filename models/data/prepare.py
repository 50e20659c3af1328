"""Turn data sets into training and dev rows: map labels to heads, remove copies and near copies, report leakage."""

from __future__ import annotations

import json
import logging
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from models.data.contrast import disguised
from models.data.duplicates import drop_copies, normalised
from models.data.leakage import Report, straddling, summary
from models.data.sources import GENERATED, Raw, plain, read_source
from models.data.splits import sides
from models.recipe import Recipe, Source
from models.rows import LabelledRow, write_rows
from screening.errors import ConfigError

log = logging.getLogger("models.prepare")

EVERY = ("id", "source", "language", "date")  # columns of every row, "" if a set has none


def prepare(recipe: Recipe, data: Path, out: Path) -> Report:
    """Write the rows to `out` and return the leakage report (see `models.data.leakage`).

    Raises ConfigError if a set can't be read, or if no rows are left for a split.
    """
    report: Report = {"sets": {source.name: {} for source in recipe.sources}}
    splits: dict[str, list[LabelledRow]] = {"dev": [], "train": []}
    for source in recipe.sources:
        for side, rows in _source_rows(recipe, source, data, report["sets"][source.name]).items():
            splits[side] += rows
    generated = {s.name for s in recipe.sources if s.set in GENERATED}
    splits = drop_copies(splits, generated, report["sets"])
    splits["dev"] = _limited(recipe, splits["dev"], report["sets"])
    for source in recipe.sources:
        mine = {side: [r for r in rows if r["set"] == source.name] for side, rows in splits.items()}
        report["sets"][source.name] |= {"kept": {side: len(rows) for side, rows in mine.items()}}
        report["sets"][source.name] |= {"straddling": straddling(mine["train"], mine["dev"])}
    report["kept"] = {side: dict(Counter(r["set"] for r in rows)) for side, rows in splits.items()}
    for side, rows in splits.items():
        if not rows:
            raise ConfigError(f"no {side} rows", fix=summary(report))
    write_rows(out, _same_columns(splits))
    # The report is written last, so a folder that has one is complete.
    (out / "leakage.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    return report


def _targets(recipe: Recipe, source: Source, label: str) -> dict[str, list[int]]:
    """Return {head: allowed}: 1 for each label that a multiclass row may have; [1] or [0] for a head with one label."""
    heads = {h.name: h for h in recipe.heads}
    out = {}
    for name, target in source.labels[label].items():
        if isinstance(target, bool):
            out[name] = [int(target)]
        else:
            may = {target} if isinstance(target, str) else set(target)
            out[name] = [int(x in may) for x in heads[name].labels]
    return out


def _source_rows(recipe: Recipe, source: Source, data: Path, told: dict[str, Any]) -> dict[str, list[LabelledRow]]:
    other: Counter[str] = Counter()
    raw = read_source(data, source, other)
    out: dict[str, list[LabelledRow]] = {"train": [], "dev": []}
    unknown: Counter[str] = Counter()
    for number, (row, side) in enumerate(zip(raw, sides(raw, source.split, recipe.training.seed), strict=True)):
        label = plain(row.get("label"))
        if side not in out:
            other[side] += 1
        elif label not in source.labels:
            unknown[label] += 1
        elif not normalised(plain(row.get("text"))):
            other["no text"] += 1
        elif not re.search(source.matching, plain(row["text"])):
            other["does not match"] += 1
        else:
            held = any(plain(row.get(field)) in values for field, values in source.hold_out.items())
            kept = _row(source, row, number) | {"held_out": held, "targets": _targets(recipe, source, label)}
            out["dev" if held else side].append(kept)
    read = sum(map(len, out.values())) + other.total() + unknown.total()
    told |= {"read": read, "left_out": dict(+other), "label_not_in_recipe": dict(unknown)}
    if source.limit is not None and len(out["train"]) > source.limit:
        told["over_limit"] = len(out["train"]) - source.limit
        out["train"] = random.Random(recipe.training.seed).sample(out["train"], source.limit)
    if source.disguise:
        chance = random.Random(f"{recipe.training.seed}/{source.name}")
        for row in out["train"]:
            if chance.random() < source.disguise:
                row["text"] = disguised(row["text"], chance)
    return out


def _row(source: Source, raw: Raw, number: int) -> LabelledRow:
    by = [*source.hold_out, *([source.split.field] if source.split.field else [])]
    row = {field: plain(raw.get(field)) for field in (*EVERY, *source.fields)}
    return row | {
        "id": row["id"] or f"{source.name}-{number}",
        "text": plain(raw["text"]),
        "set": source.name,
        "label": plain(raw["label"]),
        "part": plain(raw.get(by[0])) if by else row["source"],
    }


def _limited(recipe: Recipe, dev: list[LabelledRow], told: dict[str, dict[str, Any]]) -> list[LabelledRow]:
    """Apply each `dev_limit`; after the search for copies, so that a row left out here can't come back in training."""
    out = dev
    for source in recipe.sources:
        mine = [i for i, r in enumerate(out) if r["set"] == source.name]
        if source.dev_limit is not None and len(mine) > source.dev_limit:
            kept = set(random.Random(recipe.training.seed).sample(mine, source.dev_limit))
            out = [r for i, r in enumerate(out) if r["set"] != source.name or i in kept]
            told[source.name]["over_dev_limit"] = len(mine) - source.dev_limit
    return out


def _same_columns(splits: dict[str, list[LabelledRow]]) -> dict[str, list[LabelledRow]]:
    columns = dict.fromkeys(name for rows in splits.values() for row in rows for name in row)
    return {side: [{c: row.get(c, "") for c in columns} for row in rows] for side, rows in splits.items()}
