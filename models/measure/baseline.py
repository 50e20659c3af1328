"""Fit the floor, the baseline that a fine-tuned head must beat: TF-IDF and logistic regression on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from models.recipe import RecipeHead
from models.rows import LabelledRow
from models.text.score import Floats
from screening.errors import ConfigError


def floor(head: RecipeHead, train: Sequence[LabelledRow], seed: int) -> Callable[[Sequence[str]], Floats]:
    """Return a function from texts to probabilities [texts, labels], fitted to the rows that name one of the labels.

    Raises ConfigError if these rows all have the same label.
    """
    rows = [r for r in train if head.name in r["targets"]]
    if head.kind == "multiclass":
        rows = [r for r in rows if sum(r["targets"][head.name]) == 1]
        truth = [int(np.argmax(r["targets"][head.name])) for r in rows]
    else:
        truth = [r["targets"][head.name][0] for r in rows]
    if len(set(truth)) < 2:
        raise ConfigError(f"head {head.name!r} has training rows of one label only", fix="name a set with the other")
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=100_000, sublinear_tf=True),
        LogisticRegression(C=4.0, max_iter=300, class_weight="balanced", random_state=seed),
    ).fit([r["text"] for r in rows], truth)

    def scores(texts: Sequence[str]) -> Floats:
        p = np.zeros((len(texts), max(2, len(head.labels))))
        p[:, model.classes_] = model.predict_proba(list(texts))
        return p if head.kind == "multiclass" else p[:, 1:]

    return scores
