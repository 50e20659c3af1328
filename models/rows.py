"""Rows between the steps: what models.prepare writes and every later step reads, a `datasets` folder on disk.

A row has `id`, `text` (or `image`, a path), `set`, `source`, `label`, `part` (publisher, date or what else it was split
by), `held_out`, `language` (ISO 639-1, or empty) and `targets`: {head: allowed}, see `models.recipe.Source`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LabelledRow = dict[str, Any]


def write_rows(folder: Path, splits: Mapping[str, Sequence[LabelledRow]]) -> None:
    """Write `train` and `dev`. Targets are kept as JSON, since each row names other heads."""
    from datasets import Dataset, DatasetDict  # in here, so that recipes are read where the training stack is not

    tables = {
        name: Dataset.from_list([{**row, "targets": json.dumps(row["targets"])} for row in rows])
        for name, rows in splits.items()
    }
    DatasetDict(tables).save_to_disk(str(folder))


def read_rows(folder: Path, split: str) -> list[LabelledRow]:
    """The rows of one split, in the order in which they were written."""
    from datasets import load_from_disk

    table = load_from_disk(str(folder))[split]
    return [{**row, "targets": json.loads(row["targets"])} for row in table.to_list()]
