"""Export a trained network to ONNX; check it against torch and, if it is rounded, on dev rows.

    python -m models.export RECIPE --network DIR --out DIR [--rows DIR] [--precision fp32|fp16|int8|int8_weights]

The command writes model.onnx, tokenizer.json and export.json. The model's inputs are input_ids and attention_mask,
int64 [batch, seq] with both axes dynamic; each head has one output of logits. `int8` multiplies int8 by int8, with
scales set on training rows, and the model can run in float too; `int8_weights` only stores weights as int8.

The command fails if the model and torch differ by more than 1e-4 in any probability. A rounded model also fails if it
decides differently from fp32 on more dev rows of a head, or costs a label more AUPRC, than models.export.rounding
allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from models.console import command_line, console
from models.recipe import Precision, load_recipe


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--network", type=Path, required=True, help="the folder `final` that models.finetune wrote")
    parser.add_argument("--out", type=Path, required=True, help="the folder for model.onnx and its companions")
    parser.add_argument("--rows", type=Path, help="the folder that models.prepare wrote; a rounded model needs it")
    parser.add_argument("--precision", choices=get_args(Precision), help="the precision; default: the recipe's")
    args = parser.parse_args(argv)
    with console():
        from models.export.text import export
        from models.rows import read_rows

        train, dev = (read_rows(args.rows, split) if args.rows else [] for split in ("train", "dev"))
        export(load_recipe(args.recipe), args.network, args.out, dev, args.precision, train)


if __name__ == "__main__":
    main()
