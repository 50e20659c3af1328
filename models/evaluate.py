"""Measure and calibrate the exported model on the dev rows, and compare it with the floor, a TF-IDF baseline.

    python -m models.evaluate RECIPE --rows DIR --model DIR [--functional FILE ...] [--no-floor]

The command writes evaluation.json, calibration.json and plots/HEAD.svg beside model.onnx. A static int8 model runs in
float, as it does on engines unless they are asked for int8. `--functional` adds files of cases to those that the recipe
names. No test split is ever read.
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
    parser.add_argument("--rows", type=Path, required=True, help="the folder that models.prepare wrote")
    parser.add_argument("--model", type=Path, required=True, help="the folder that models.export wrote")
    parser.add_argument(
        "--functional", type=Path, nargs="*", default=[], metavar="FILE", help="more files of functional test cases"
    )
    parser.add_argument("--no-floor", action="store_true", help="leave out the TF-IDF baseline")
    args = parser.parse_args(argv)
    with console():
        from models.measure.evaluate import evaluate

        evaluate(load_recipe(args.recipe), args.rows, args.model, not args.no_floor, args.functional)


if __name__ == "__main__":
    main()
