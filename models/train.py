"""Make a bundle from data in one command: prepare, finetune, export, evaluate and publish.

    python -m models.train RECIPE --data DIR --out DIR

The command writes rows/, network/ and model/ below `--out`, and the bundle to `--out`/bundles/NAME/VERSION. A step
whose result is already there is not repeated; delete its folder to repeat it and the steps after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.console import command_line, console
from models.recipe import Recipe, load_recipe


def make_bundle(recipe: Recipe, data: Path, out: Path) -> Path:
    """Run the first step whose result is missing and all steps after it; return the folder of the bundle."""
    from models.data.prepare import prepare
    from models.export.text import export
    from models.measure.evaluate import evaluate
    from models.publish.bundle import publish
    from models.rows import read_rows
    from models.text.finetune import train

    rows, network, model = out / "rows", out / "network", out / "model"
    if again := not (rows / "leakage.json").is_file():
        prepare(recipe, data, rows)
    if again := again or not (network / "final" / "training.json").is_file():
        train(recipe, rows, network)
    if again := again or not (model / "model.onnx").is_file():
        export(recipe, network / "final", model, read_rows(rows, "dev"), train=read_rows(rows, "train"))
    if again or not (model / "evaluation.json").is_file():
        evaluate(recipe, rows, model)
    return Path(publish(recipe, model, out / "bundles"))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the results of all steps")
    args = parser.parse_args(argv)
    with console():
        from models.images.recipe import is_image_recipe, load_image_recipe
        from models.images.train import make_image_bundle

        if is_image_recipe(args.recipe):
            make_image_bundle(load_image_recipe(args.recipe), args.data, args.out)
        else:
            make_bundle(load_recipe(args.recipe), args.data, args.out)


if __name__ == "__main__":
    main()
