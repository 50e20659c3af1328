"""Recipes: which data teaches which head, from which base model, with which settings."""

from models.recipe.recipe import Recipe, document, load_recipe, validated
from models.recipe.sections import (
    BaseModelSpec,
    Join,
    Plant,
    Precision,
    RecipeHead,
    Source,
    Split,
    Strict,
    Training,
)

__all__ = [
    "BaseModelSpec",
    "Join",
    "Plant",
    "Precision",
    "Recipe",
    "RecipeHead",
    "Source",
    "Split",
    "Strict",
    "Training",
    "document",
    "load_recipe",
    "validated",
]
