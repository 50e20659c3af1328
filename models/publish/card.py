"""Write MODEL_CARD.md from the recipe and from what models.evaluate measured; none of its numbers is typed by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from models.measure.bootstrap import RESAMPLES
from models.recipe import Recipe, RecipeHead

TEMPLATES = Path(__file__).parent
MISSING = "–"


class Absent(StrictUndefined):
    """A missing value that a template may test but never print."""

    def __bool__(self) -> bool:  # type: ignore[override]  # the one thing that may be asked of it
        return False


def card(recipe: Recipe, evaluation: dict[str, Any]) -> str:
    """Return the card as Markdown: unseen publishers first, next to seen ones; then each head next to its floor."""
    metrics = evaluation["metrics"]
    policy = [h for h in recipe.heads if not recipe.policy or set(h.labels) & set(recipe.policy)]
    return page("card.md.j2").render(
        recipe=recipe,
        m=metrics,
        rows=evaluation["rows"],
        slices=evaluation["slices"],
        unseen=[h for h in recipe.heads if "publishers" in metrics[h.name]],
        by_class=[h for h in recipe.heads if "labels" in metrics[h.name]],
        in_doubt=_in_doubt(recipe.heads, metrics),
        named=[h for h in policy if len(evaluation["slices"][h.name]["group"]) > 1],
        resamples=RESAMPLES,
    )


def page(name: str) -> Template:
    """Return a card's template, with the filters that write figures."""
    where = FileSystemLoader(TEMPLATES)
    pages = Environment(
        keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True, undefined=Absent, loader=where
    )
    pages.filters |= {"figure": _figure, "share": _share, "signed": _signed}
    return pages.get_template(name)


def _figure(of: dict[str, Any] | None, name: str) -> str:
    """Return a figure such as 0.841 (0.80–0.88), as far as it and its interval are known."""
    if of is None or of.get(name) is None:
        return MISSING
    if name not in of.get("intervals", {}):
        return f"{of[name]:.3f}"
    low, high = _outward(of["intervals"][name])
    return f"{of[name]:.3f} ({low:.2f}–{high:.2f})"


def _signed(of: dict[str, Any] | None, name: str) -> str:
    """Return a head's difference from its floor, such as +0.052 (+0.01 to +0.09)."""
    if of is None or name not in of:
        return MISSING
    low, high = _outward(of[name]["interval"])
    return f"{of[name]['delta']:+.3f} ({low:+.2f} to {high:+.2f})"


def _outward(interval: Sequence[float]) -> tuple[float, float]:
    """Return the interval with two decimals, rounded outwards so that it is never too narrow."""
    return math.floor(interval[0] * 100) / 100, math.ceil(interval[1] * 100) / 100


def _share(value: float | None, places: int = 1) -> str:
    return MISSING if value is None else f"{100 * value:.{places}f} %"


def _in_doubt(heads: Sequence[RecipeHead], metrics: dict[str, Any]) -> list[str]:
    """Return the heads whose AUROC may be above the floor's by chance only, or not at all."""
    told = {h.name: metrics[h.name].get("over_floor", {}).get("auroc") for h in heads}
    return [name for name, each in told.items() if each and each["interval"][0] <= 0]
