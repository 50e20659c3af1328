"""From data sets to training and dev rows: labels mapped to heads, duplicates removed within and across splits.

    python -m models.prepare RECIPE --data DIR --out DIR

A set is `DIR/NAME.jsonl.gz` (or `.jsonl`) with `text`, `label`, `split` (train, dev; others are left alone) and
`source`; the set `contrast` is generated. Writes train.jsonl, dev.jsonl and leakage.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.contrast import contrast_rows
from models.recipe import Recipe, Source, load_recipe
from screening.errors import ConfigError

log = logging.getLogger("models.prepare")


def read_set(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """Rows of one set. Raises ConfigError when there is no such file."""
    if name == "contrast":
        yield from contrast_rows()
        return
    for path in (data / f"{name}.jsonl.gz", data / f"{name}.jsonl"):
        if path.is_file():
            with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open() as lines:
                yield from map(json.loads, lines)
            return
    raise ConfigError(f"no data set {name!r} below {data}", fix="point --data at the folder with NAME.jsonl.gz")


def normalised(text: str) -> str:
    """What two copies of a text have in common: lower-case words, no marks, names of users and links levelled."""
    return " ".join(re.findall(r"\w+", re.sub(r"https?://\S+|@\w+", " ", text.lower())))


def _targets(recipe: Recipe, source: Source, label: str) -> dict[str, list[int]]:
    """{head: allowed}: 1 for each label that a multiclass row may have; [1] or [0] for a head with one label."""
    heads = {h.name: h for h in recipe.heads}
    out = {}
    for name, target in source.labels[label].items():
        if isinstance(target, bool):
            out[name] = [int(target)]
        else:
            may = {target} if isinstance(target, str) else set(target)
            out[name] = [int(x in may) for x in heads[name].labels]
    return out


def _source_rows(recipe: Recipe, source: Source, data: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    train, dev = [], []
    for row in read_set(data, source.set):
        if row["label"] not in source.labels or row["split"] not in ("train", "dev"):
            continue
        if source.only_sources and row["source"] not in source.only_sources:
            continue
        held = any(row.get(field) in values for field, values in source.hold_out.items())
        kept = {
            "text": row["text"],
            "set": source.set,
            "label": row["label"],
            "part": next((row.get(f, "") for f in source.hold_out), row["source"]),
            "held_out": held,
            "targets": _targets(recipe, source, row["label"]),
        }
        (dev if held or row["split"] == "dev" else train).append(kept)
    if source.limit is not None and len(train) > source.limit:
        train = random.Random(recipe.training.seed).sample(train, source.limit)
    return train, dev


def prepare(recipe: Recipe, data: Path, out: Path) -> dict[str, Any]:
    """Write the rows and give the leakage report: rows read, dropped as duplicates, and kept, by set."""
    train, dev = [], []
    for source in recipe.sources:
        more_train, more_dev = _source_rows(recipe, source, data)
        train += more_train
        dev += more_dev
    report: dict[str, Any] = {"read": {"train": len(train), "dev": len(dev)}}
    seen: set[str] = set()
    dev, report["dev_duplicates"] = _first_of_each(dev, seen)
    train, report["train_in_dev_or_duplicate"] = _first_of_each(train, seen)
    dev = _limited(recipe, dev)
    report["kept"] = {
        "train": dict(Counter(r["set"] for r in train)),
        "dev": dict(Counter(r["set"] for r in dev)),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("dev", dev)):
        with (out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (out / "leakage.json").write_text(json.dumps(report, indent=1))
    log.info("rows kept: %s; dropped: %s", report["kept"], report["train_in_dev_or_duplicate"])
    return report


def _limited(recipe: Recipe, dev: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """After copies were looked for, so that a dev row left out here doesn't come back in training."""
    out = dev
    for source in recipe.sources:
        mine = [i for i, r in enumerate(out) if r["set"] == source.set]
        if source.dev_limit is not None and len(mine) > source.dev_limit:
            kept = set(random.Random(recipe.training.seed).sample(mine, source.dev_limit))
            out = [r for i, r in enumerate(out) if r["set"] != source.set or i in kept]
    return out


def _first_of_each(rows: list[dict[str, Any]], seen: set[str]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    kept, dropped = [], Counter[str]()
    for row in rows:
        key = normalised(row["text"])
        if not key or key in seen:
            dropped[row["set"]] += 1
        else:
            seen.add(key)
            kept.append(row)
    return kept, dict(dropped)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    prepare(load_recipe(args.recipe), args.data, args.out)


if __name__ == "__main__":
    main()
