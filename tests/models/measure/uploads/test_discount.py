"""The discount is what makes long and short texts comparable: more where chance grows with the number of sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.recipe import Recipe
from screening.classifiers.surface import FEATURES

pytestmark = pytest.mark.train


def rows(count: int, **said: Any) -> list[dict[str, Any]]:
    return [{"set": "made", "targets": {"tone": [1, 0]}, **said} for _ in range(count)]


def fitted(recipe_document: dict[str, Any], spread: float) -> float:
    """Ordinary texts of one to sixty sentences whose odds are spread by chance, and bad rows of one sentence."""
    from models.measure.uploads.discount import fit_discount
    from models.text.score import Sentences, Windows

    recipe_document["heads"][0]["unit"] = "sentence"
    recipe_document["plant"] = {"carriers": ["contrast"], "share": 0.5, "max_tokens": 32}
    recipe = Recipe.model_validate(recipe_document)
    chance = np.random.default_rng(1)
    counts = [*chance.integers(20, 60, 150), *[1] * 400, *[1] * 150]
    dev = [*rows(150, set="contrast"), *rows(400, set="contrast"), *rows(150, targets={"tone": [0, 1]})]
    owner = np.repeat(np.arange(len(dev)), counts)
    bad = np.array([row["targets"]["tone"] == [0, 1] for row in dev])[owner]
    odds = np.where(bad, 4.0, -6.0) + spread * chance.gumbel(size=len(owner))
    logits = np.stack((np.zeros(len(owner)), odds), 1).astype(np.float32)
    ones, texts = np.ones(len(dev), np.int64), np.arange(len(dev))
    sentences = Sentences(frozenset(["tone"]), owner, np.ones(len(owner), np.int64), owner, owner)
    windows = Windows({"tone": logits}, texts, ones, np.zeros((len(dev), len(FEATURES))), sentences)
    assert fit_discount(recipe, recipe.heads[1], dev, windows) == 0, "a head about windows has none"
    return fit_discount(recipe, recipe.heads[0], dev, windows)


def test_there_is_one_where_the_worst_of_many_is_worse_by_chance(recipe_document: dict[str, Any]) -> None:
    """The largest of n values of this law is spread × log(n) above that of one."""
    assert fitted(recipe_document, 2.0) >= 0.2


def test_without_chance_there_is_none(recipe_document: dict[str, Any]) -> None:
    assert fitted(recipe_document, 0.01) <= 0.05
