"""Makes a bundle of an exported, evaluated model; a version that exists is never written over.

    python -m models.publish RECIPE --model DIR --to DIR

`--model` holds model.onnx, tokenizer.json and what models.export and models.evaluate wrote (export.json,
evaluation.json, calibration.json). Writes NAME/VERSION below `--to`, a folder or a `gs://` prefix, with bundle.json,
calibration.json, MODEL_CARD.md and the two files, and enters the version in index.json there.
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
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--to", required=True, help="folder or gs:// prefix")
    args = parser.parse_args(argv)
    with console():
        from models.publish.bundle import publish

        publish(load_recipe(args.recipe), args.model, args.to)


if __name__ == "__main__":
    main()
