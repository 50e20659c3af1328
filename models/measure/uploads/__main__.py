"""Measure a bundle as its users feel it: harmful texts found and harmless ones held, at the levels of a policy.

    python -m models.measure.uploads RECIPE --rows DIR --bundle DIR [--policy FILE] [--out FILE]

The command prints (or writes) JSON: a bad sentence in ordinary texts of several lengths, texts by genre and length,
functional cases by function, and sentences that name a group, by group and frame. Only dev rows are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from models.console import command_line, console
from models.recipe import load_recipe

# Of the default policy.
HOSTILE = ("hate", "offensive", "sexism", "harassment", "threat", "sexual_content", "self_harm")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("recipe", type=Path, help="the YAML file of the recipe")
    parser.add_argument("--rows", type=Path, required=True, help="the folder that models.prepare wrote")
    parser.add_argument("--bundle", required=True, help="the bundle's folder, or its gs:// prefix")
    parser.add_argument("--policy", default="", help="the policy's file; default: the one that ships")
    parser.add_argument("--categories", nargs="*", default=HOSTILE, metavar="ID", help="which count as hostile")
    parser.add_argument("--out", type=Path, help="the file for the tables; default: print them")
    args = parser.parse_args(argv)
    with console():
        from models.measure.uploads.tables import Judge, tables
        from models.rows import read_rows
        from screening.classifiers import Classifier, load_bundle, make_engine
        from screening.policy import load_policy
        from screening.settings import SHIPPED_POLICY

        recipe, bundle = load_recipe(args.recipe), load_bundle(args.bundle)
        policy = load_policy(args.policy or SHIPPED_POLICY, [bundle])
        judge = Judge(Classifier(bundle, make_engine()), policy, tuple(args.categories))
        found = json.dumps(tables(judge, recipe, read_rows(args.rows, "dev"), recipe.training.seed), indent=1)
        if args.out:
            args.out.write_text(found + "\n", encoding="utf-8")
        else:
            print(found)


if __name__ == "__main__":
    main()
