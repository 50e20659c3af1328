"""Describe the form of a whole text in numbers: a window can't show it, and some tokens lack it (upper case)."""

from __future__ import annotations

import re
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Feature = Literal[
    "words",  # log(1 + number of words)
    "sentence",  # log(1 + words per sentence)
    "upper",  # capital letters per letter
    "shouted",  # words of three letters or more in capitals, per word
    "exclamations",  # per word, like those below
    "questions",
    "quotes",
    "commas",
    "digits",
]
FEATURES: tuple[Feature, ...] = get_args(Feature)
LIMIT = 3.0  # in spreads from the centre, so that a text of nothing but exclamation marks can't outweigh all else
_WORD = re.compile(r"\w+")
_END = re.compile(r"[.!?](?=\s|$)")


def surface(text: str) -> Floats:
    """Return the `FEATURES` of a text, [9]; they follow Potthast et al. 2018 and Horne and Adali 2017."""
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
    """Return `forms` [texts, features] in spreads from the centre, each cut off at ±`LIMIT`."""
    return np.asarray(np.clip((forms - np.asarray(centre)) / np.asarray(spread), -LIMIT, LIMIT))


def formed(
    pooled: Floats, forms: Floats, weight: npt.ArrayLike, centre: npt.ArrayLike, spread: npt.ArrayLike
) -> Floats:
    """Return the `pooled` probabilities [texts] after their `forms` [texts, features] have moved their logits."""
    p = np.clip(pooled, 1e-9, 1 - 1e-9)
    # Each row is a product of its own: how a sum is rounded must not depend on how many texts there are.
    rows = np.ascontiguousarray(standardised(forms, centre, spread))[:, None]
    return np.asarray(1 / (1 + np.exp(-(np.log(p / (1 - p)) + (rows @ np.asarray(weight))[:, 0]))))
