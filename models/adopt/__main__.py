"""Makes a published bundle of a classification checkpoint that somebody already has, in one step.

    python -m models.adopt CHECKPOINT --labels LABELS.yaml --name NAME --version VERSION --to DIR
        [--calibrate FILE.jsonl] [--precision fp32|fp16|int8_weights]

CHECKPOINT is a sequence- or image-classification model: a folder in the format of transformers, or a hub name.
LABELS.yaml says `kind: multiclass` or `multilabel` and `labels:` {theirs: ours}; models/adopt/labels.py has its other
fields. `--calibrate` has rows {"text", "label"} or {"image", "label"}; without them the bundle is uncalibrated, and a
policy may use its scores but no targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from models.console import command_line, console
from models.recipe import Precision


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("checkpoint", help="folder or hub name")
    parser.add_argument("--labels", type=Path, required=True, metavar="LABELS.yaml")
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--to", required=True, help="folder or gs:// prefix that the bundle is published to")
    parser.add_argument("--calibrate", type=Path, metavar="FILE.jsonl")
    parser.add_argument("--precision", choices=[p for p in get_args(Precision) if p != "int8"], default="fp32")
    args = parser.parse_args(argv)
    with console():
        from models.adopt.bundle import adopt

        adopt(args.checkpoint, args.labels, args.name, args.version, args.to, args.calibrate, args.precision)


if __name__ == "__main__":
    main()
