"""The whole chain for pictures in one command: photographs, finetune, export, evaluate, publish.

    python -m models.images.train RECIPE --data DIR --out DIR

Leaves rows/, network/ and model/ below `--out`, and the bundle in `--out`/bundles/NAME/VERSION. A step whose result
is there already is not done again: delete its folder to repeat it.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from models.images.evaluate import evaluate
from models.images.export import export
from models.images.finetune import train
from models.images.photographs import prepare
from models.images.publish import publish
from models.images.recipe import ImageRecipe, load_image_recipe


def make_image_bundle(recipe: ImageRecipe, data: Path, out: Path) -> Path:
    """Run what is missing, in order, and give the folder of the bundle. ConfigError when it may not be published."""
    rows, network, model = out / "rows", out / "network", out / "model"
    if not (rows / "leakage.json").is_file():
        prepare(recipe, data, rows)
    if not (network / "final").is_dir():
        train(recipe, rows, network)
    if not (model / "model.onnx").is_file():
        export(recipe, network / "final", rows, model)
    if not (model / "evaluation.json").is_file():
        evaluate(recipe, rows, data, model)
    return Path(publish(recipe, model, out / "bundles"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    make_image_bundle(load_image_recipe(args.recipe), args.data, args.out)


if __name__ == "__main__":
    main()
