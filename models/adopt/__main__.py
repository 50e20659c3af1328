"""Publish a classification checkpoint that somebody already has as a bundle, in one step.

    python -m models.adopt CHECKPOINT --labels LABELS.yaml --name NAME --version VERSION --to DIR
        [--calibrate FILE.jsonl] [--precision fp32|fp16|int8_weights]

CHECKPOINT is a sequence- or image-classification model: a folder in the format of transformers, or a hub name.
LABELS.yaml has `kind: multiclass` or `kind: multilabel`, and `labels:` {their name: our name}; models/adopt/labels.py
describes its other fields. `--calibrate` names a file of rows {"text", "label"} or {"image", "label"}. Without it the
bundle is not calibrated, and a policy may use its scores but no targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from models.console import command_line, console
from models.recipe import Precision


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("checkpoint", help="the folder of the checkpoint, or its name on the Hugging Face hub")
    parser.add_argument(
        "--labels", type=Path, required=True, metavar="LABELS.yaml", help="the file that gives its labels our names"
    )
    parser.add_argument("--name", required=True, help="the name of the bundle")
    parser.add_argument("--version", required=True, help="the version of the bundle")
    parser.add_argument("--to", required=True, help="the folder or gs:// prefix to publish the bundle to")
    parser.add_argument("--calibrate", type=Path, metavar="FILE.jsonl", help="labelled rows to calibrate the scores on")
    parser.add_argument(
        "--precision",
        choices=[p for p in get_args(Precision) if p != "int8"],
        default="fp32",
        help="the precision of the model; default: fp32",
    )
    args = parser.parse_args(argv)
    with console():
        from models.adopt.bundle import adopt

        adopt(args.checkpoint, args.labels, args.name, args.version, args.to, args.calibrate, args.precision)


if __name__ == "__main__":
    main()
