"""Do neighbours change a verdict? `python -m tests.benchmarks.neighbours` on every engine and precision there is.

The same documents are scored in order and then, a few times over, in shuffled orders and in calls of many sizes. Asked
for is that no score moves by more than the engine's tolerance and no decision under the default policy flips. Half of
the documents are ordinary prose, half have a hostile sentence in it, so that scores lie on both sides of thresholds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from screening.checks import run_checks
from screening.classifiers import Classifier, find_bundles, make_engine
from screening.content import Document, Part, Text
from screening.errors import UploadError
from screening.policy import Facts, Policy, decide
from screening.records import Decision, ScreenedPart, Signal
from screening.settings import SHIPPED_BUNDLES
from tests.benchmarks.engines import ours
from tests.generate import article

OUT = Path(__file__).parent / "out"
HOSTILE = Path(__file__).parents[2] / "models" / "cases" / "hostility.jsonl"
CALLS = (1, 2, 7, 32, 64, 500, 4096)  # documents scored in one call
NEAR = 0.01
PARTS = (ScreenedPart("main", "text", "main"),)


def documents(number: int, words: int, seed: int = 0) -> list[Text]:
    """Articles of log-normal length around `words`; every other one holds a sentence of the functional cases."""
    rng = random.Random(seed)
    hostile = [json.loads(line)["text"] for line in HOSTILE.read_text(encoding="utf-8").splitlines()]
    texts = []
    for i in range(number):
        prose = article(rng, max(8, int(rng.lognormvariate(math.log(words), 0.6))))
        texts.append(f"{rng.choice(hostile)} {prose}" if i % 2 else prose)
    return [Text(text) for text in texts]


def shuffled(number: int, seed: int) -> Iterator[list[int]]:
    """All indices in an order of its own, in calls of sizes drawn from `CALLS`."""
    rng = random.Random(seed)
    left = iter(rng.sample(range(number), number))
    while call := list(itertools.islice(left, rng.choice(CALLS))):
        yield call


def signals_of(classifier: Classifier, contents: Sequence[Text]) -> list[list[Signal]]:
    """Signals of each; the UploadError of one that has none is raised."""
    results = classifier.score(contents)
    if failed := next((result for result in results if isinstance(result, UploadError)), None):
        raise failed
    return [result for result in results if isinstance(result, list)]


def compare(classifier: Classifier, policy: Policy, contents: Sequence[Text], passes: int) -> dict[str, Any]:
    """The largest difference of a score between the passes and the first, and how many decisions flip."""
    whole = [Document("text/plain", (Part("main", "main", content),)) for content in contents]
    checked = [run_checks(document, policy.languages) for document in whole]
    first = signals_of(classifier, contents)
    scores = _scores(first)
    decisions = [_decision(policy, (*a, *b)) for a, b in zip(checked, first, strict=True)]
    largest, flips = 0.0, 0
    for seed in range(passes):
        for call in shuffled(len(contents), seed):
            found = signals_of(classifier, [contents[i] for i in call])
            largest = max(largest, float(np.abs(_scores(found) - scores[call]).max()))
            for i, own in zip(call, found, strict=True):
                flips += _decision(policy, (*checked[i], *own)) != decisions[i]
    return {
        "documents": len(contents),
        "passes": passes,
        "largest_difference": largest,
        "flips": flips,
        "near_a_threshold": sum(_near(policy, own) for own in first),
        "decisions": dict(Counter(decisions)),
    }


def _scores(signals: Sequence[Sequence[Signal]]) -> npt.NDArray[np.float64]:
    return np.array([[signal.score for signal in own] for own in signals])


def _decision(policy: Policy, signals: Sequence[Signal]) -> Decision:
    return decide(policy, Facts(PARTS), signals, None).decision


def _near(policy: Policy, signals: Sequence[Signal]) -> bool:
    """Whether a score lies within `NEAR` of a threshold that it is held against."""
    levels = ((s.score, level) for r in policy.rules for level in (r.review, r.reject) for s in signals if r.reads(s))
    return any(level is not None and abs(score - level.score) < NEAR for score, level in levels)


def main() -> None:
    """Print a line an engine and precision, and write `out/neighbours.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=60, help="median of a document")
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--only", default="", help="engines whose name and precision hold this")
    parser.add_argument("--bundle", default=SHIPPED_BUNDLES, help="folder of a text bundle")
    flags = parser.parse_args()
    bundle = next(bundle for bundle in find_bundles(flags.bundle) if bundle.modality == "text")
    contents, found = documents(flags.documents, flags.words), {}
    for name, precision in ours.choices(bundle):
        if flags.only not in f"{name} {precision}":
            continue
        policy = ours.settings_of(bundle, name, precision).policy
        figures = compare(Classifier(bundle, make_engine(name, precision)), policy, contents, flags.passes)
        found[f"{name} {precision}"] = figures
        print(f"{name} {precision}: {json.dumps(figures)}", flush=True)
    OUT.mkdir(exist_ok=True)
    (OUT / "neighbours.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
