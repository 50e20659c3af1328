"""Fit how far the pooled score of sentences falls with their number, so that long texts aren't held for their length.

The worst of many sentences is worse by chance. From the sentences of ordinary dev texts and of bad dev rows, scored
once, texts of several lengths are put together, clean and with a bad row among their sentences. The discount is the one
with which the most of the bad are found where one clean text in `HELD` is held, whatever the length of the texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.measure.slices import EACH, flag_score, flagged
from models.recipe import Recipe, RecipeHead
from models.rows import LabelledRow
from models.text.score import Floats, Windows
from screening.classifiers.pooling import calibrated

HELD = 50
LENGTHS = (1, 3, 8, 20, 10_000)  # sentences; the last one stands for the whole text
TRIED = np.round(np.arange(0, 1.01, 0.05), 2)


def fit_discount(recipe: Recipe, head: RecipeHead, dev: Sequence[LabelledRow], windows: Windows) -> float:
    """Return the discount of a head about sentences; 0 for other heads, and if there are too few rows to tell."""
    if head.unit != "sentence" or recipe.plant is None or windows.sentences is None:
        return 0.0
    odds = sentence_odds(head, windows)
    own = np.split(odds, np.flatnonzero(np.diff(windows.sentences.owner)) + 1)
    sets = {s.name for s in recipe.sources if s.harmless}
    told = [flagged(head, row) for row in dev]
    carriers = recipe.plant.carriers[1:] or recipe.plant.carriers  # mixtures are measured with the first one
    among = [i for i, row in enumerate(dev) if row["set"] in carriers and told[i] is False]
    bad = np.array([own[i].max() for i in range(len(dev)) if told[i]])
    calm = [(own[i].max(), len(own[i])) for i, row in enumerate(dev) if row["set"] in sets and told[i] is False]
    if min(len(among), len(bad)) < EACH:
        return 0.0
    chance = np.random.default_rng(recipe.training.seed)
    clean, mixed = [np.array(calm).reshape(-1, 2)], [np.stack((bad, np.ones(len(bad))), 1)]
    for most in LENGTHS:
        worst = np.array([(own[i][:most].max(), len(own[i][:most])) for i in among])
        clean.append(worst)
        mixed.append(np.stack((np.maximum(worst[:, 0], chance.choice(bad, len(among))), worst[:, 1] + 1), 1))
    found = [found_at(np.concatenate(mixed), np.concatenate(clean), a) for a in TRIED]
    return float(TRIED[int(np.argmax(found))])


def sentence_odds(head: RecipeHead, windows: Windows) -> Floats:
    """Return the log odds [sentences] with which each sentence is flagged."""
    p = np.clip(flag_score(head, calibrated(head.kind, windows.logits[head.name])), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)))


def found_at(bad: Floats, clean: Floats, discount: float) -> float:
    """Return the share of `bad` texts [texts, (odds, sentences)] above the level of one `clean` text in `HELD`."""
    level = np.quantile(_lowered(clean, discount), 1 - 1 / HELD)
    return float((_lowered(bad, discount) > level).mean())


def _lowered(texts: Floats, discount: float) -> npt.NDArray[np.float64]:
    return np.asarray(texts[:, 0] - discount * np.log(texts[:, 1]))
