"""Mutants and bombs through the decoder and the checks: `python -m tests.fuzz 20000`, or `make fuzz N=20000`."""

from __future__ import annotations

import argparse
import sys
from itertools import chain
from pathlib import Path

from tests.fuzz.bombs import bombs, heavy
from tests.fuzz.mutants import mutant
from tests.fuzz.trial import attempt

OUT = Path(__file__).parent.parent / "benchmarks" / "out" / "fuzz.md"


def main() -> int:
    """Print the figures and write them to `OUT`; 1 when anything but content and errors with a reason came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("number", type=int, help="of mutants; the bombs come after them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first mutant, to try one again")
    parser.add_argument("--no-bombs", action="store_true")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.number)
    mutants = (mutant(options.seed, number) for number in numbers)
    figures = attempt(mutants if options.no_bombs else chain(mutants, bombs(), heavy()))
    said = f"{options.number:,} mutants of seed {options.seed}{'' if options.no_bombs else ', and the bombs'}.\n\n"
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(said + figures.table())
    print(said + figures.table())
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
