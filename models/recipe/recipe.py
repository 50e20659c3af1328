"""Read and validate recipes: which data teaches which head, from which base model, with which settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from models.recipe.sections import BaseModelSpec, Plant, Precision, RecipeHead, Source, Strict, Training
from screening.errors import ConfigError

R = TypeVar("R", bound=BaseModel)


class Recipe(Strict):
    """Everything that makes one bundle, except the data itself.

    `languages` are the ISO 639-1 codes of those that it is trained to read. `policy` names the labels that make up "any
    category"; `functional` names the files of functional test cases.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    base_model: BaseModelSpec
    max_tokens: int = Field(ge=16, le=512)
    overlap: int = Field(ge=0)
    languages: tuple[str, ...] = Field(("en",), min_length=1)
    precision: Precision = "int8_weights"
    heads: tuple[RecipeHead, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)
    training: Training = Training()
    plant: Plant | None = None
    policy: tuple[str, ...] = ()
    functional: tuple[str, ...] = ()
    aims: dict[str, dict[str, float]] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_windows(self) -> Recipe:
        if self.overlap > self.max_tokens // 2:  # the most that a bundle may have
            raise ValueError(f"overlap {self.overlap} is more than half of max_tokens")
        return self

    @model_validator(mode="after")
    def _check_heads(self) -> Recipe:
        if twice := _twice(label for h in self.heads for label in h.labels):
            raise ValueError(f"labels in more than one head: {', '.join(twice)}")
        wide = [h.name for h in self.heads if h.surface and (h.kind == "multiclass" or len(h.labels) > 1)]
        if wide:
            raise ValueError(f"head {wide[0]}: surface belongs to a multilabel head with one label")
        return self

    @model_validator(mode="after")
    def _check_sources(self) -> Recipe:
        if twice := _twice(s.name for s in self.sources):
            raise ValueError(f"more than one source is called {', '.join(twice)}; give each its own `name`")
        heads = {h.name: h for h in self.heads}
        for source in self.sources:
            _check_source(source, heads)
        return self

    @model_validator(mode="after")
    def _check_plant(self) -> Recipe:
        if self.plant is None:
            return self
        if unknown := sorted(set(self.plant.carriers) - {s.name for s in self.sources}):
            raise ValueError(f"plant: no source is called {unknown[0]!r}")
        if all(h.unit == "window" for h in self.heads):
            raise ValueError("plant: no head is about sentences")
        if self.plant.max_tokens > self.max_tokens:
            raise ValueError("plant: max_tokens is more than a window has")
        return self

    @model_validator(mode="after")
    def _check_policy(self) -> Recipe:
        labels = {label for h in self.heads for label in h.labels}
        if unknown := [label for label in self.policy if label not in labels]:
            raise ValueError(f"policy: no head has the label {unknown[0]!r}")
        return self

    @model_validator(mode="after")
    def _check_aims(self) -> Recipe:
        if unknown := sorted(set(self.aims) - {h.name for h in self.heads}):
            raise ValueError(f"aims: unknown head {unknown[0]!r}")
        return self

    @model_validator(mode="after")
    def _check_dev_sets(self) -> Recipe:
        measured = {name for source in self.sources for name in source.dev}
        if untested := [h.name for h in self.heads if h.name not in measured]:
            raise ValueError(f"heads without a dev set: {', '.join(untested)}")
        return self


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _check_source(source: Source, heads: dict[str, RecipeHead]) -> None:
    for label, targets in source.labels.items():
        for name, target in targets.items():
            _check_target(f"{source.name}.labels.{label}", heads, name, target)
    try:
        re.compile(source.matching)
    except re.error as error:
        raise ValueError(f"{source.name}.matching: {error}") from None
    for name in source.dev:
        if name not in heads:
            raise ValueError(f"{source.name}.dev: unknown head {name!r}")


def _check_target(where: str, heads: dict[str, RecipeHead], name: str, target: str | bool | tuple[str, ...]) -> None:
    if name not in heads:
        raise ValueError(f"{where}: unknown head {name!r}; there are {', '.join(heads)}")
    head = heads[name]
    if head.kind == "multilabel":
        if len(head.labels) > 1 or not isinstance(target, bool):
            raise ValueError(f"{where}.{name}: expected yes or no, got {target!r}")
        return
    labels = (target,) if isinstance(target, str) else target
    if isinstance(labels, bool) or not labels or not set(labels) <= set(head.labels):
        raise ValueError(f"{where}.{name}: unknown label in {target!r}; there are {', '.join(head.labels)}")


def load_recipe(path: Path) -> Recipe:
    """Return the recipe in a file. Raises ConfigError, which names the file, the field and what is allowed."""
    return validated(path, Recipe, "models/README.md lists every field")


def validated(path: Path, kind: type[R], fix: str) -> R:
    """Return the YAML file at `path` as a `kind`. Raises ConfigError like `load_recipe`, with `fix` as its advice."""
    try:
        return kind.model_validate(document(path))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}" for e in error.errors())
        raise ConfigError(told, file=str(path), fix=fix) from error


def document(path: Path) -> object:
    """Return the content of a YAML file. Raises ConfigError if it can't be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"can't read the recipe: {error}", file=str(path)) from error
