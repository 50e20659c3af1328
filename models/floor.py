"""The floor that a fine-tuned head has to beat: TF-IDF and logistic regression on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from models.recipe import Head
from models.score import Floats


def floor_scores(head: Head, train: list[dict[str, Any]], texts: list[str], seed: int) -> Floats:
    """Probabilities [texts, labels] of a floor trained on those training rows that name one label of this head."""
    rows = [r for r in train if head.name in r["targets"]]
    if head.kind == "multiclass":
        rows = [r for r in rows if sum(r["targets"][head.name]) == 1]
        truth = [int(np.argmax(r["targets"][head.name])) for r in rows]
    else:
        truth = [r["targets"][head.name][0] for r in rows]
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=100_000, sublinear_tf=True)
    x = vectoriser.fit_transform([r["text"] for r in rows])
    model = LogisticRegression(C=4.0, max_iter=300, class_weight="balanced", random_state=seed).fit(x, truth)
    p = model.predict_proba(vectoriser.transform(texts))
    return p if head.kind == "multiclass" else p[:, 1:]
