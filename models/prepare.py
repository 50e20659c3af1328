"""From data sets to training and dev rows: labels mapped to heads, copies and near copies removed, leakage reported.

    python -m models.prepare RECIPE --data DIR --out DIR

Reads each source of the recipe (JSONL, CSV, Parquet, a `datasets` folder, the hub), splits it as its `split` says, and
writes a `datasets` folder with `train` and `dev`, with leakage.json beside them. No text is on both sides: dev wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.console import command_line, console
from models.recipe import load_recipe


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    with console():
        from models.data.leakage import summary
        from models.data.prepare import log, prepare

        log.info("%s", summary(prepare(load_recipe(args.recipe), args.data, args.out)))


if __name__ == "__main__":
    main()
