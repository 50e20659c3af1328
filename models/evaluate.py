"""Measures and calibrates the exported file itself, on dev rows, beside the TF-IDF floor.

    python -m models.evaluate RECIPE --rows DIR --model DIR [--functional FILE ...] [--no-floor]

A static int8 file is run in float, as engines do unless they are asked for int8. Writes evaluation.json,
calibration.json and plots/HEAD.svg beside model.onnx. `--functional` adds cases to those that the recipe names. A test
split is never read.
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
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--functional", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--no-floor", action="store_true")
    args = parser.parse_args(argv)
    with console():
        from models.measure.evaluate import evaluate

        evaluate(load_recipe(args.recipe), args.rows, args.model, not args.no_floor, args.functional)


if __name__ == "__main__":
    main()
