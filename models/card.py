"""MODEL_CARD.md from the recipe and from what models.evaluate measured; no number on it is typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from models.recipe import Recipe

TEMPLATE = Path(__file__).with_name("card.md.j2")


def card(recipe: Recipe, evaluation: dict[str, Any]) -> str:
    """The card as Markdown: unseen publishers first, then each head beside its floor, harmless text, limits, data."""
    page = Environment(keep_trailing_newline=True, loader=FileSystemLoader(TEMPLATE.parent))
    return page.get_template(TEMPLATE.name).render(recipe=recipe, m=evaluation["metrics"], rows=evaluation["rows"])
