"""Slices count what they should, a group is found by whole words, and "any" knows what a row may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.recipe import Recipe, RecipeHead

SPAM = RecipeHead(name="spam", kind="multilabel", labels=("spam",), pool="mean")
HATE = RecipeHead(name="hate", kind="multiclass", labels=("normal", "offensive", "hate"), pool="max")


def recipe(*policy: str) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "version": "0.1.0",
            "base_model": {"name": "none", "licence": "none", "folder": "none"},
            "max_tokens": 32,
            "overlap": 8,
            "heads": [HATE.model_dump(), SPAM.model_dump()],
            "sources": [{"set": "made", "licence": "none", "dev": ["hate", "spam"], "labels": {}}],
            "policy": policy,
        }
    )


def row(text: str = "a text", set: str = "made", **targets: list[int]) -> dict[str, Any]:
    return {"text": text, "set": set, "part": "", "language": "en", "targets": targets}


@pytest.mark.parametrize(
    ("target", "told"),
    [([1, 0, 0], False), ([0, 1, 0], True), ([0, 1, 1], True), ([1, 1, 0], None)],
)
def test_a_row_is_flagged_when_it_is_anything_but_harmless(target: list[int], told: bool | None) -> None:
    from models.measure.slices import flagged

    assert flagged(HATE, row(hate=target)) is told
    assert flagged(SPAM, row(hate=target)) is None


def test_the_figures_of_a_slice_are_what_counting_gives() -> None:
    from models.measure.slices import slices

    chance = np.random.default_rng(1)
    truth = chance.random(400) < 0.3
    long = chance.random(400) < 0.5
    dev = [row("word " * (30 if x else 5), spam=[int(t)]) for x, t in zip(long, truth, strict=True)]
    score = np.clip(truth * 0.3 + chance.random(400) * 0.7, 0, 1)
    found = slices(recipe(), dev, {"hate": np.ones((400, 3)) / 3, "spam": score[:, None]})
    told = found["spam"]["length"]["26 to 50 words"]
    assert list(found["spam"]["length"]) == ["1 to 10 words", "26 to 50 words"]
    said, yes = score[long] >= 0.5, truth[long]
    assert told["rows"] == long.sum()
    assert told["prevalence"] == pytest.approx(yes.mean(), abs=1e-4)
    assert told["precision"] == pytest.approx(yes[said].mean(), abs=1e-4)
    assert told["recall"] == pytest.approx(said[yes].mean(), abs=1e-4)
    assert told["fpr"] == pytest.approx(said[~yes].mean(), abs=1e-4)
    assert told["fpr_interval"][0] < told["fpr"] < told["fpr_interval"][1]
    assert found["hate"] == {kind: {} for kind in ("all", "source", "language", "length", "group")}


def test_naming_a_group_is_seen_beside_the_same_sources() -> None:
    from models.measure.slices import NO_GROUP, slices

    dev = [row("the mosque on the corner", "calm", hate=[1, 0, 0]) for _ in range(60)]
    dev += [row("the house on the corner", "calm", hate=[1, 0, 0]) for _ in range(40)]
    dev += [row("the house on the corner", "rough", hate=[1, 0, 0]) for _ in range(40)]
    p = np.tile([0.9, 0.05, 0.05], (140, 1))
    p[:30] = (0.2, 0.4, 0.4)
    p[60:70] = (0.2, 0.4, 0.4)
    p[100:] = (0.2, 0.4, 0.4)
    found = slices(recipe(), dev, {"hate": p, "spam": np.zeros((140, 1))})["hate"]["group"]
    assert set(found) == {NO_GROUP, "Muslims"}
    assert found["Muslims"]["fpr"] == 0.5
    assert found["Muslims"]["fpr_same_sources"] == 0.25
    assert found[NO_GROUP]["fpr"] == pytest.approx(50 / 80)


@pytest.mark.parametrize("text", ["a womanly romance", "the manual", "blackbird pie", "a rush of whitewash"])
def test_a_word_inside_another_names_no_group(text: str) -> None:
    from models.measure.slices import NO_GROUP, slices

    found = slices(recipe(), [row(text, spam=[0])] * 60, {"hate": np.ones((60, 3)), "spam": np.zeros((60, 1))})
    assert set(found["spam"]["group"]) == {NO_GROUP}


def test_any_is_the_noisy_or_of_the_policy() -> None:
    from models.measure.any_category import noisy_or

    scores = {"hate": np.array([[0.3, 0.2, 0.5]]), "spam": np.array([[0.1]])}
    assert noisy_or(recipe("offensive", "hate"), scores) == pytest.approx([1 - 0.8 * 0.5])
    assert noisy_or(recipe("hate", "spam"), scores) == pytest.approx([1 - 0.5 * 0.9])


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ({"hate": [0, 0, 1]}, True),
        ({"hate": [0, 1, 0]}, False),
        ({"hate": [0, 1, 1]}, True),
        ({"hate": [1, 1, 0]}, False),
        ({"hate": [1, 0, 1]}, None),
        ({"hate": [1, 0, 1], "spam": [1]}, True),
        ({"hate": [1, 0, 1], "spam": [0]}, None),
        ({"spam": [0]}, False),
        ({}, None),
    ],
)
def test_what_a_row_says_of_any(targets: dict[str, list[int]], told: bool | None) -> None:
    from models.measure.any_category import truth

    assert truth(recipe("hate", "spam"), row(**targets)) is told


def test_any_is_measured_by_set_and_shows_the_label_that_is_too_sure() -> None:
    from models.measure.any_category import any_category

    dev = [row(set="one", spam=[k % 2]) for k in range(100)] + [row(set="two", hate=[1, 0, 0]) for _ in range(50)]
    spam = np.r_[np.tile([0.1, 0.9], 50), np.full(50, 0.1)][:, None]
    hate = np.tile([0.5, 0.1, 0.4], (150, 1))
    found = any_category(recipe("hate", "spam"), dev, {"hate": hate, "spam": spam}, {"hate": hate, "spam": 1 - spam})
    assert (found["rows"], found["positives"], found["auroc"], found["floor"]["auroc"]) == (150, 50, 1.0, 0.0)
    assert found["sets"]["two"] == {"rows": 50, "positives": 0, "mean": pytest.approx(1 - 0.6 * 0.9)}
    assert found["mean_on_clean"]["hate"]["mean"] == pytest.approx(0.4)
    assert found["mean_on_clean"]["spam"]["mean"] == pytest.approx(0.1)
