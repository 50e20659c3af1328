"""Trains the network of a recipe: an encoder with several heads, or a picture classifier.

    accelerate launch -m models.finetune RECIPE --rows DIR --out DIR [--steps N]

Reads what models.prepare wrote, writes checkpoints, training curves and `final/` (safetensors) below `--out`. A run
that was cut off goes on from its last checkpoint. `--steps` ends early: for a quick try.
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
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int)
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
