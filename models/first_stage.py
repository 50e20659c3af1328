"""Measure what a cheap first stage, which clears texts before the classifier sees them, would save and lose.

    python -m models.first_stage RECIPE --rows DIR --bundle DIR [--policy FILE] [--limit N] [--out DIR]

The first stage is a linear model on the TF-IDF of words. It learns from `--limit` training rows whether the classifier
has a finding under the policy. Half of the dev rows set the level below which a text is cleared, such that a wanted
share of the rows with a finding is kept. The other half shows how many texts are cleared and how many findings are
lost. This command only measures: no job has a first stage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from models.console import command_line, console
from models.recipe import load_recipe
from screening.settings import SHIPPED_POLICY


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--rows", type=Path, required=True, help="the folder that models.prepare wrote")
    parser.add_argument("--bundle", required=True, help="the bundle of the classifier")
    parser.add_argument("--policy", default=SHIPPED_POLICY, help="the policy that says what a finding is")
    parser.add_argument("--limit", type=int, default=20_000, help="the number of training rows to learn from")
    parser.add_argument("--out", type=Path, help="the folder for first_stage.json")
    args = parser.parse_args(argv)
    with console():
        from models.measure.first_stage import first_stage

        result = first_stage(args.rows, args.bundle, args.policy, args.limit, load_recipe(args.recipe).training.seed)
        print(*list(result.items())[:-1], sep="\n")
        for keep, told in result["kept"].items():
            print(f"\n{keep} kept, speed-up {told['speed_up']}")
            for name, x in told["shares"].items():
                print(f"  {name:18}{x['cleared']:8} of {x['of']:8} cleared: {x['share']:.4f} {x.get('interval', '')}")
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            (args.out / "first_stage.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
