"""A recipe is validated whole, and its errors say where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import models
from models.images.recipe import is_image_recipe, load_image_recipe
from models.recipe import load_recipe
from screening.errors import ConfigError

RECIPES = sorted((Path(models.__file__).parent / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_recipes_that_ship_are_valid(path: Path) -> None:
    recipe = load_image_recipe(path) if is_image_recipe(path) else load_recipe(path)
    assert recipe.name == path.stem


def unknown_head(r: dict[str, Any]) -> None:
    r["sources"][0]["labels"]["good"]["mood"] = "calm"


def unknown_label(r: dict[str, Any]) -> None:
    r["sources"][0]["labels"]["bad"]["tone"] = ["shrill"]


def name_for_yes_or_no(r: dict[str, Any]) -> None:
    r["sources"][0]["labels"]["bad"]["spam"] = "spam"


def no_dev_set(r: dict[str, Any]) -> None:
    r["sources"][0]["dev"] = ["tone"]


def label_twice(r: dict[str, Any]) -> None:
    r["heads"][1]["labels"] = ["calm"]


def overlap_too_wide(r: dict[str, Any]) -> None:
    r["overlap"] = 30


def misspelt_field(r: dict[str, Any]) -> None:
    r["sources"][0]["passess"] = 2


def bad_version(r: dict[str, Any]) -> None:
    r["version"] = "one"


def form_of_several_labels(r: dict[str, Any]) -> None:
    r["heads"][0]["surface"] = True


def source_twice(r: dict[str, Any]) -> None:
    r["sources"][1]["name"] = "made"


def broken_expression(r: dict[str, Any]) -> None:
    r["sources"][0]["matching"] = "("


def dev_of_no_head(r: dict[str, Any]) -> None:
    r["sources"][0]["dev"] = ["tone", "spam", "mood"]


def policy_of_no_head(r: dict[str, Any]) -> None:
    r["policy"] = ["spam", "mood"]


def aim_of_no_head(r: dict[str, Any]) -> None:
    r["aims"] = {"mood": {"auroc": 0.9}}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (unknown_head, "unknown head 'mood'"),
        (unknown_label, r"made\.labels\.bad\.tone: unknown label.*calm, loud"),
        (name_for_yes_or_no, r"made\.labels\.bad\.spam: expected yes or no"),
        (no_dev_set, "heads without a dev set: spam"),
        (label_twice, "labels in more than one head: calm"),
        (overlap_too_wide, "overlap 30"),
        (form_of_several_labels, "head tone: surface belongs to a multilabel head with one label"),
        (source_twice, "more than one source is called made"),
        (broken_expression, r"made\.matching"),
        (dev_of_no_head, r"made\.dev: unknown head 'mood'"),
        (policy_of_no_head, "policy: no head has the label 'mood'"),
        (aim_of_no_head, "aims: unknown head 'mood'"),
        (misspelt_field, r"sources\.0\.passess"),
        (bad_version, "version"),
    ],
)
def test_a_wrong_recipe_is_refused(spoil: Any, told: str, recipe_file: Path, recipe_document: dict[str, Any]) -> None:
    load_recipe(recipe_file)
    spoil(recipe_document)
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    with pytest.raises(ConfigError, match=told) as error:
        load_recipe(recipe_file)
    assert str(recipe_file) in str(error.value)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't read"):
        load_recipe(tmp_path / "none.yaml")
