"""Publish an exported and evaluated model as a bundle; a version that exists is never overwritten.

    python -m models.publish RECIPE --model DIR --to DIR

The folder `--model` holds what models.export and models.evaluate wrote: model.onnx, tokenizer.json, export.json,
evaluation.json and calibration.json. The command writes NAME/VERSION below `--to`, a folder or `gs://` prefix, with
bundle.json, calibration.json, MODEL_CARD.md, the model and the tokenizer. It adds the version to index.json there.
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
    parser.add_argument("--model", type=Path, required=True, help="the folder of the exported and evaluated model")
    parser.add_argument("--to", required=True, help="the folder or gs:// prefix to publish to")
    args = parser.parse_args(argv)
    with console():
        from models.publish.bundle import publish

        publish(load_recipe(args.recipe), args.model, args.to)


if __name__ == "__main__":
    main()
