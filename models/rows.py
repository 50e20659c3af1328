"""Write and read labelled rows: models.prepare writes them as a `datasets` folder, and every later step reads them.

A row has `id`, `text` (or `image`, a path), `set`, `source`, `label`, `part` (the publisher, date or other value that
it was split by), `held_out`, `language` (ISO 639-1, or empty) and `targets`: {head: allowed}; see `Source` in
`models.recipe`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LabelledRow = dict[str, Any]


def write_rows(folder: Path, splits: Mapping[str, Sequence[LabelledRow]]) -> None:
    """Write the splits `train` and `dev`. Targets are written as JSON, since rows name different heads."""
    from datasets import Dataset, DatasetDict  # not at the top, so that recipes can be read without the training stack

    tables = {
        name: Dataset.from_list([{**row, "targets": json.dumps(row["targets"])} for row in rows])
        for name, rows in splits.items()
    }
    DatasetDict(tables).save_to_disk(str(folder))


def read_rows(folder: Path, split: str) -> list[LabelledRow]:
    """Return the rows of one split, in the order in which they were written."""
    from datasets import load_from_disk

    table = load_from_disk(str(folder))[split]
    return [{**row, "targets": json.loads(row["targets"])} for row in table.to_list()]
