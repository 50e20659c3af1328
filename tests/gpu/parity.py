"""Whether the GPU's scores and decisions are the CPU's, on many texts in both of its precisions."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data.contrast import contrast_rows
from screening.classifiers import Bundle, Classifier, find_bundles, make_engine
from screening.content import Content, Text
from screening.errors import UploadError
from screening.policy import Facts, Policy, decide
from screening.records import ScreenedPart, Signal
from screening.settings import SHIPPED_BUNDLES, load_settings
from tests.generate import article
from tests.gpu.kit import ENGINE, Found, Kit, sample

TEXTS = 10_000
PARTS = (ScreenedPart("main", "text", "main"),)
CASES = Path(__file__).parents[2] / "models" / "cases" / "hostility.jsonl"
# By how much a score may differ from the CPU's. In fp32 that is the engine's own tolerance; in fp16 what
# tests/models/test_shipped_engines.py allows to the bundle that ships.
NEAR = {"fp32": 1e-4, "fp16": 0.02}
# Of how many decisions one may differ: a score that lies on a threshold falls on either side of it.
CHANGED = {"fp32": 1 / 10_000, "fp16": 1 / 1_000}
Scored = list[list[Signal]]


def texts(number: int) -> list[str]:
    """Cases and templates of the product's own, which reach every label, and a twentieth of longer articles."""
    cases = [json.loads(line)["text"] for line in CASES.read_text(encoding="utf-8").splitlines()]
    pool = [*cases, *(row["text"] for row in contrast_rows())]
    long = number // 20
    rng = random.Random(0)
    return sample(pool, number - long) + [article(rng, rng.randint(60, 600)) for _ in range(long)]


def measure(kit: Kit) -> Found:
    """Score the same texts on the CPU and in each precision of the GPU."""
    (bundle,) = find_bundles(SHIPPED_BUNDLES)
    policy = only_classifiers(load_settings(engine="onnxruntime", precision="fp32").policy)
    given = [Text(text) for text in texts(kit.number(TEXTS, 40))]
    exact, seconds = scored(bundle, "onnxruntime", "fp32", given)
    found = Found()
    found.measured("texts", len(given))
    found.measured("CPU fp32", len(given) / seconds, "texts/s")
    wanted = [ruled(policy, signals) for signals in exact]
    for decision in ("accept", "review", "reject"):
        found.at_least(f"texts that the CPU would {decision}", sum(one == decision for one, _ in wanted), 1)
    for precision in NEAR:
        ours, seconds = scored(bundle, ENGINE, precision, given)
        found.measured(precision, len(given) / seconds, "texts/s")
        apart = np.abs(values(ours) - values(exact))
        found.at_most(f"{precision}: largest |Δp|", float(apart.max()), NEAR[precision])
        got = [ruled(policy, signals) for signals in ours]
        pairs = list(zip(got, wanted, strict=True))
        changed = sum(one != other for (one, _), (other, _) in pairs)
        found.at_most(f"{precision}: other decisions", changed, int(CHANGED[precision] * len(given)))
        found.measured(f"{precision}: other reasons", sum(one != other for one, other in pairs))
        labels = [signal.label for signal in exact[0]]
        found.more[precision] = {
            "largest_by_label": dict(zip(labels, apart.max(axis=0).tolist(), strict=True)),
            "mean_by_label": dict(zip(labels, apart.mean(axis=0).tolist(), strict=True)),
        }
    return found


def scored(bundle: Bundle, engine: str, precision: str, given: Sequence[Content]) -> tuple[Scored, float]:
    """Signals of every content, and the seconds that they took; UploadError for one that has none."""
    classifier = Classifier(bundle, make_engine(engine, precision))
    start = time.perf_counter()
    results = classifier.score(given)
    seconds = time.perf_counter() - start
    signals = []
    for result in results:
        if isinstance(result, UploadError):
            raise result
        signals.append(result)
    return signals, seconds


def values(scored: Scored) -> npt.NDArray[np.float64]:
    """Scores [contents, labels]."""
    return np.array([[signal.score for signal in signals] for signals in scored])


def only_classifiers(policy: Policy) -> Policy:
    """The policy without what banks and checks say: their findings would hide that a score decides otherwise."""
    return replace(policy, rules=tuple(rule for rule in policy.rules if rule.source.startswith("bundle/")))


def ruled(policy: Policy, signals: list[Signal]) -> tuple[str, tuple[str, ...]]:
    """Decision and reasons."""
    ruling = decide(policy, Facts(PARTS), signals, None)
    return ruling.decision, ruling.reasons
