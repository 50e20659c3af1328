"""What a cheap first stage would save and lose: a linear model that clears texts before the classifier sees them.

    python -m models.first_stage RECIPE --rows DIR --bundle DIR [--policy FILE] [--limit N] [--out DIR]

It learns from `limit` training rows whether the classifier raises a finding under the policy. Half of the dev rows set
the level below which a text is cleared, so that a wanted share of the rows with a finding is kept; what is cleared and
lost is of the other half. This only measures: no job has a first stage.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from models.bootstrap import intervals, resamples
from models.console import console
from models.floor import floor
from models.recipe import Head, load_recipe
from models.rows import Row, read_rows
from models.score import Floats
from models.slices import Bools, wilson
from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.windows import load_tokenizer, windows
from screening.errors import ConfigError, UploadError
from screening.policy import Policy, load_policy
from screening.records import Article
from screening.settings import SHIPPED_POLICY

SPLITS = ("train", "dev")
KEEP = (1.0, 0.999, 0.99)  # of the rows with a finding, on the half that sets the level
STRICTER = 0.8  # times each level: a later policy, tried on stored scores
ORDINARY = 0.95  # of the uploads have no finding, in the traffic that a speed-up is told for beside the dev rows'


@dataclass(frozen=True)
class Graded:
    """Texts, their tokens as the classifier counts them, its CPU seconds, and by category [texts] score / level."""

    texts: list[str]
    tokens: Floats
    seconds: float
    review: dict[str, Floats]
    reject: dict[str, Floats]

    @property
    def found(self) -> Bools:
        """Which texts have a finding."""
        return np.max(list(self.review.values()), axis=0) >= 1


def first_stage(rows: Path, place: str, policy_uri: str, limit: int, seed: int) -> dict[str, Any]:
    """Costs, and by stage and share kept what is cleared and lost. All but the costs follow from the seed."""
    bundle = load_bundle(place)
    policy = load_policy(policy_uri, [bundle])
    classifier = Classifier(bundle, engine := make_engine(cores=1))
    chance = np.random.default_rng(seed)
    train, dev = ([each[i] for i in chance.permutation(len(each))] for each in map(read_rows, [rows] * 2, SPLITS))
    learnt, seen = graded(classifier, policy, train[:limit]), graded(classifier, policy, dev)
    found, half = seen.found, np.arange(len(dev)) < len(dev) // 2
    if not found[half].any() or not found[~half].any():
        raise ConfigError("a half of the dev rows has no finding", file=str(rows), fix="prepare more rows")
    stages: dict[str, Any] = {}
    for name, stage in _stages(learnt, seed).items():
        began = time.process_time()
        score = stage(seen.texts)
        cost = time.process_time() - began
        stages[name] = {"us_per_row": round(1e6 * cost / len(dev), 1), "kept": {}}
        for keep in KEEP:
            level = clearing_level(score[half & found], keep)
            stages[name]["kept"][f"{keep:g}"] = judged(seen, ~half, score < level, cost / seen.seconds, seed)
    return {
        "bundle": f"{bundle.id.name} {bundle.id.version}",
        "policy": f"{policy.name} {policy.version}",
        "engine": engine.id,
        "rows": {split: [len(g.texts), int(g.found.sum())] for split, g in zip(SPLITS, (learnt, seen), strict=True)},
        "model_ms_per_row": round(1e3 * seen.seconds / len(dev), 3),
        "stages": stages,
    }


def graded(classifier: Classifier, policy: Policy, rows: Sequence[Row]) -> Graded:
    """The classifier's scores of these rows against the levels of the policy; ConfigError when a row gets none."""
    bundle, texts = classifier.bundle, [row["text"] for row in rows]
    began = time.process_time()
    results = classifier.score([Article("text/plain", text) for text in texts])
    seconds = time.process_time() - began
    if failed := [row["id"] for row, result in zip(rows, results, strict=True) if isinstance(result, UploadError)]:
        raise ConfigError(f"the classifier gives row {failed[0]!r} no score", fix="leave the row out of the sets")
    tokens = np.zeros(len(texts))
    for window in windows(load_tokenizer(bundle.read(bundle.manifest.tokenizer), bundle.manifest.text, ""), texts):
        tokens[window.span.text] += window.span.tokens
    scores = dict(zip(bundle.labels, np.array([[s.score for s in result] for result in results]).T, strict=True))
    rules = [rule for rule in policy.rules if rule.source.startswith("bundle/")]
    review = {r.category: scores[r.label] / (r.review or r.reject).score for r in rules}
    reject = {r.category: scores[r.label] / r.reject.score for r in rules if r.reject}
    return Graded(texts, tokens, seconds, review, reject)


def clearing_level(found: Floats, keep: float) -> float:
    """The highest level that at least this share of the rows with a finding reaches; what scores less is cleared."""
    return float(np.sort(found)[int((1 - keep) * len(found) + 1e-9)])


def judged(rows: Graded, where: Bools, below: Bools, cost: float, seed: int) -> dict[str, Any]:
    """What was cleared of the rows `where`, in shares with 95 % intervals, and the speed-up; rows with a finding,
    all or of a category, are verdicts lost. `cost` is that of the stage by that of the model.

    `at_most` ends Wilson's interval: where nothing was lost, no resample loses anything.
    """
    found, t = rows.found[where], rows.tokens[where]
    wholes = {"rows": found | True, "tokens": t, "clean rows": ~found, "clean tokens": ~found * t, "found": found}
    for name, scores, factor in (("reject", rows.reject, 1), ("stricter policy", rows.review, STRICTER)):
        wholes[name] = np.any([score[where] >= factor for score in scores.values()], axis=0)
    wholes |= {name: score[where] >= 1 for name, score in rows.review.items()}
    weights, shares = resamples(len(t), seed), {}
    for name, whole in wholes.items():
        if of := int(whole.sum()):
            gone = whole * below[where]
            with np.errstate(invalid="ignore"):
                drawn = weights @ gone.astype(np.float32) / (weights @ whole.astype(np.float32))
            count = int(gone.sum())
            shares[name] = {"of": of, "cleared": count, "share": round(count / of, 5), "at_most": wilson(count, of)[1]}
            shares[name] |= {"interval": intervals({name: drawn}, {}).get(name)}
    part = np.array([shares["clean tokens"]["share"], (found * t)[below[where]].sum() / (found * t).sum()])
    size = np.array([ORDINARY * t[~found].mean(), (1 - ORDINARY) * t[found].mean()])
    cleared = {"dev rows": shares["tokens"]["share"], "ordinary": float(part @ size / size.sum())}
    return {"shares": shares, "speed_up": {name: round(1 / (cost + 1 - x), 3) for name, x in cleared.items()}}


def _stages(learnt: Graded, seed: int) -> dict[str, Callable[[list[str]], Floats]]:
    head = Head(name="finding", kind="multilabel", labels=("finding",), pool="max")
    pairs = zip(learnt.texts, learnt.found, strict=True)
    words = floor(head, [{"text": text, "targets": {head.name: [int(found)]}} for text, found in pairs], seed)
    letters = make_pipeline(
        HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5)),
        LogisticRegression(C=4.0, max_iter=300, class_weight="balanced", random_state=seed),
    ).fit(learnt.texts, learnt.found)
    return {"words": lambda texts: words(texts)[:, 0], "letters": lambda texts: letters.predict_proba(texts)[:, 1]}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--policy", default=SHIPPED_POLICY)
    parser.add_argument("--limit", type=int, default=20_000)
    parser.add_argument("--out", type=Path, help="folder for first_stage.json")
    args = parser.parse_args()
    with console():
        found = first_stage(args.rows, args.bundle, args.policy, args.limit, load_recipe(args.recipe).training.seed)
        print(f"{found['engine']}: {found['model_ms_per_row']} ms a row")
        for name, stage in found["stages"].items():
            for keep, told in stage["kept"].items():
                print(f"\n{name}, {stage['us_per_row']} us a row, {keep} kept; speed-up {told['speed_up']}")
                for what, x in told["shares"].items():
                    print(f"  {what:18}{x['cleared']:8} of {x['of']:8} cleared: {x['share']:.4f} {x['interval']}")
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            (args.out / "first_stage.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
