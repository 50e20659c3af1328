"""Measure what a cheap first stage, a linear model that clears texts before the classifier, would save and lose."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.measure.baseline import floor
from models.measure.bootstrap import intervals, resamples
from models.measure.slices import Bools, wilson
from models.recipe import RecipeHead
from models.rows import LabelledRow, read_rows
from models.text.score import Floats
from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.windows import load_tokenizer, windows
from screening.content import Text
from screening.errors import ConfigError, UploadError
from screening.policy import Policy, load_policy

HEAD = RecipeHead(name="finding", kind="multilabel", labels=("finding",), pool="max")
KEEP = (1.0, 0.999, 0.99)  # the shares of rows with a finding to keep, on the half that sets the level
STRICTER = 0.8  # a factor on each level, to imitate a later, stricter policy on stored scores
ORDINARY = 0.95  # the share of uploads without a finding in ordinary traffic, for which a second speed-up is given
ANY, REJECT = "any finding", "any reject"


@dataclass(frozen=True)
class Graded:
    """Texts with their tokens, the classifier's CPU seconds, and the ratio score / level of each text.

    `over` has the ratios [texts] by category, the highest of them as `ANY` and, for levels of reject, as `REJECT`. A
    ratio of 1 or more is a finding.
    """

    texts: list[str]
    tokens: Floats
    seconds: float
    over: dict[str, Floats]


def first_stage(rows: Path, place: str, policy_uri: str, limit: int, seed: int) -> dict[str, Any]:
    """Return the costs and, for each share to keep, what is cleared and lost; all but the costs follow from the seed.

    Raises ConfigError if there are too few findings, or if the classifier can't score a row.
    """
    policy = load_policy(policy_uri, [bundle := load_bundle(place)])
    classifier, chance = Classifier(bundle, engine := make_engine(cores=1)), np.random.default_rng(seed)
    read = (read_rows(rows, split) for split in ("train", "dev"))
    train, dev = ([each[i] for i in chance.permutation(len(each))] for each in read)
    learnt, seen = graded(classifier, policy, train[:limit]), graded(classifier, policy, dev)
    found, half = seen.over[ANY] >= 1, np.arange(len(dev)) < len(dev) // 2
    if not found[half].any() or not found[~half].any():
        raise ConfigError("one half of the dev rows has no finding", file=str(rows), fix="prepare more rows")
    pairs = zip(learnt.texts, learnt.over[ANY] >= 1, strict=True)
    stage = floor(HEAD, [{"text": text, "targets": {HEAD.name: [int(is_found)]}} for text, is_found in pairs], seed)
    began = time.process_time()
    score = stage(seen.texts)[:, 0]
    cost = time.process_time() - began
    levels = {f"{keep:g}": clearing_level(score[half & found], keep) for keep in KEEP}
    return {
        "scored": f"bundle {bundle.id.name} {bundle.id.version}, policy {policy.name} {policy.version}, {engine.id}",
        "rows": {name: len(each.texts) for name, each in (("train", learnt), ("dev", seen))},
        "model_ms_per_row": round(1e3 * seen.seconds / len(dev), 3),
        "stage_us_per_row": round(1e6 * cost / len(dev), 1),
        "kept": {keep: judged(seen, ~half, score < x, cost / seen.seconds, seed) for keep, x in levels.items()},
    }


def graded(classifier: Classifier, policy: Policy, rows: Sequence[LabelledRow]) -> Graded:
    """Return the classifier's scores of these rows against the policy's levels. Raises ConfigError if one has none."""
    bundle, texts = classifier.bundle, [row["text"] for row in rows]
    began = time.process_time()
    results = classifier.score([Text(text) for text in texts])
    seconds = time.process_time() - began
    if failed := [row["id"] for row, result in zip(rows, results, strict=True) if isinstance(result, UploadError)]:
        raise ConfigError(f"the classifier can't score row {failed[0]!r}", fix="leave the row out of the sets")
    file, windowing = bundle.manifest.tokenizer, bundle.manifest.text
    assert file, "it scored texts, so it has a tokenizer"
    assert windowing, "it scored texts, so it cuts them into windows"
    tokens = np.zeros(len(texts))
    for window in windows(load_tokenizer(bundle.read(file), windowing, ""), texts):
        tokens[window.span.text] += window.span.tokens
    signals = (result for result in results if not isinstance(result, UploadError))
    scores = dict(zip(bundle.labels, np.array([[s.score for s in each] for each in signals]).T, strict=True))
    rules = [rule for rule in policy.rules if rule.source.startswith("bundle/")]
    over = {rule.category: scores[rule.label] / min(level.score for level in rule.levels) for rule in rules}
    hard = [level for rule in rules for level in rule.levels if level.level == "reject"]
    reject = [scores[level.label] / level.score for level in hard]
    ends = {name: np.max([0 * tokens, *some], axis=0) for name, some in ((ANY, over.values()), (REJECT, reject))}
    return Graded(texts, tokens, seconds, {**ends, **over})


def clearing_level(found: Floats, keep: float) -> float:
    """Return the highest level that at least the share `keep` of the rows with a finding reaches.

    Texts that score below it are cleared.
    """
    return float(np.sort(found)[int((1 - keep) * len(found) + 1e-9)])


def judged(rows: Graded, where: Bools, below: Bools, cost: float, seed: int) -> dict[str, Any]:
    """Return the shares of the rows `where` that are cleared, with 95 % intervals, and the speed-up.

    Cleared rows with a finding are lost. `cost` is the first stage's cost divided by the classifier's. `at_most` is the
    upper end of Wilson's interval, since without a loss no resample has one.
    """
    t, weights, shares = rows.tokens[where], resamples(int(where.sum()), seed), {}
    over = {name: each[where] for name, each in rows.over.items()}
    found, stricter = over[ANY] >= 1, over[ANY] >= STRICTER
    wholes = {"rows": found | True, "tokens": t, "clean rows": ~found, "clean tokens": ~found * t}
    for name, whole in {**wholes, **{k: x >= 1 for k, x in over.items()}, "stricter policy": stricter}.items():
        if of := int(whole.sum()):
            count = int((gone := whole * below[where]).sum())
            with np.errstate(invalid="ignore"):
                drawn = {"interval": weights @ np.float32(gone) / (weights @ np.float32(whole))}
            shares[name] = {"of": of, "cleared": count, "share": round(count / of, 5), **intervals(drawn, {})}
            shares[name] |= {} if name.endswith("tokens") else {"at_most": wilson(count, of)[1]}
    mix = np.where(found, (1 - ORDINARY) / found.mean(), ORDINARY / max((~found).mean(), 1e-9)) * t
    left = {name: load[~below[where]].sum() / load.sum() for name, load in (("dev", t), ("ordinary", mix))}
    return {"shares": shares, "speed_up": {name: round(float(1 / (cost + x)), 3) for name, x in left.items()}}
