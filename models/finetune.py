"""Train the network of a recipe: a text encoder with several heads, or a picture classifier.

    accelerate launch -m models.finetune RECIPE --rows DIR --out DIR [--steps N]

The command reads the rows that models.prepare wrote. It writes checkpoints, training curves and `final/` (safetensors)
below `--out`. A run that was interrupted continues from its last checkpoint.
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
    parser.add_argument("--out", type=Path, required=True, help="the folder for the network and its checkpoints")
    parser.add_argument("--steps", type=int, help="stop after this many optimiser steps, for a quick try")
    args = parser.parse_args(argv)
    with console():
        from models.images import finetune as images
        from models.images.recipe import is_image_recipe, load_image_recipe
        from models.text import finetune as texts

        if is_image_recipe(args.recipe):
            images.train(load_image_recipe(args.recipe), args.rows, args.out, args.steps)
        else:
            texts.train(load_recipe(args.recipe), args.rows, args.out, args.steps)


if __name__ == "__main__":
    main()
