"""Turn data sets into training and dev rows: map labels to heads, remove copies and near copies, report leakage.

    python -m models.prepare RECIPE --data DIR --out DIR

The command reads each source of the recipe (JSONL, CSV, Parquet, a `datasets` folder, or the Hugging Face hub) and
splits it as its `split` says. It writes a `datasets` folder with `train` and `dev`, and leakage.json beside them. No
text is in both splits: one that was in both stays in dev only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.console import command_line, console
from models.recipe import load_recipe


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the rows")
    args = parser.parse_args(argv)
    with console():
        from models.data.leakage import summary
        from models.data.prepare import log, prepare

        log.info("%s", summary(prepare(load_recipe(args.recipe), args.data, args.out)))


if __name__ == "__main__":
    main()
