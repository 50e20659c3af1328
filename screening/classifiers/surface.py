"""The form of a whole text as numbers: what a window of it doesn't show a model, and what its tokens lack (case)."""

from __future__ import annotations

import re
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Feature = Literal[
    "words",  # log(1 + number)
    "sentence",  # log(1 + words a sentence)
    "upper",  # capitals a letter
    "shouted",  # words of three letters or more in capitals, a word
    "exclamations",  # a word, as those below
    "questions",
    "quotes",
    "commas",
    "digits",
]
FEATURES: tuple[Feature, ...] = get_args(Feature)
LIMIT = 3.0  # spreads from the centre: a text of exclamation marks only must not outweigh everything else
_WORD = re.compile(r"\w+")
_END = re.compile(r"[.!?](?=\s|$)")


def surface(text: str) -> Floats:
    """The `FEATURES` of a text, [9]; after the stylometry of Potthast et al. 2018 and Horne and Adali 2017."""
    words = _WORD.findall(text)
    count = max(1, len(words))
    letters = max(1, sum(c.isalpha() for c in text))
    shouted = sum(len(w) > 2 and w.isupper() for w in words)
    marks = [sum(text.count(c) for c in some) for some in ("!", "?", '"“”', ",")]
    digits = sum(c.isdigit() for c in text)
    sentence = np.log1p(count / max(1, len(_END.findall(text))))
    shares = [shouted, *marks, digits]
    upper = sum(c.isupper() for c in text) / letters
    return np.array([np.log1p(len(words)), sentence, upper, *(n / count for n in shares)])


def standardised(forms: Floats, centre: npt.ArrayLike, spread: npt.ArrayLike) -> Floats:
    """`forms` [texts, features] in spreads from the centre, none beyond `LIMIT`."""
    return np.asarray(np.clip((forms - np.asarray(centre)) / np.asarray(spread), -LIMIT, LIMIT))


def formed(
    pooled: Floats, forms: Floats, weight: npt.ArrayLike, centre: npt.ArrayLike, spread: npt.ArrayLike
) -> Floats:
    """Probabilities [texts] after the `forms` [texts, features] have been added to the logits of the `pooled` ones."""
    p = np.clip(pooled, 1e-9, 1 - 1e-9)
    # One row at a time, as it lies in memory: how a sum is rounded must not depend on how many texts there are.
    rows = np.ascontiguousarray(standardised(forms, centre, spread))[:, None]
    return np.asarray(1 / (1 + np.exp(-(np.log(p / (1 - p)) + (rows @ np.asarray(weight))[:, 0]))))
