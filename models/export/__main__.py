"""A trained network to ONNX, checked against torch and, where it is rounded, on dev rows.

    python -m models.export RECIPE --network DIR --out DIR [--rows DIR] [--precision fp32|fp16|int8|int8_weights]

Writes model.onnx (inputs input_ids and attention_mask int64 [batch, seq], both axes dynamic; one output of logits
per head), tokenizer.json and export.json. Fails when the file and torch differ by more than 1e-4 in any probability,
and when a rounded file decides otherwise than fp32 on more of the dev rows of a head, or costs a label more AUPRC, than
`models.export.rounding` allows. `int8` multiplies int8 by int8, with scales set on training rows, and is run in float
as well; `int8_weights` only stores weights so.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from models.console import command_line, console
from models.recipe import Precision, load_recipe


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=Path, help="of models.prepare; a rounded file is held against its dev rows")
    parser.add_argument("--precision", choices=get_args(Precision), help="default: the recipe's")
    args = parser.parse_args(argv)
    with console():
        from models.export.text import export
        from models.rows import read_rows

        train, dev = (read_rows(args.rows, split) if args.rows else [] for split in ("train", "dev"))
        export(load_recipe(args.recipe), args.network, args.out, dev, args.precision, train)


if __name__ == "__main__":
    main()
