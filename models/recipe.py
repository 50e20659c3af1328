"""Read and validate recipes: which data teaches which head, from which base model, with which settings."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from screening.errors import ConfigError
from screening.records import Genre

Precision = Literal["fp32", "fp16", "int8", "int8_weights"]

R = TypeVar("R", bound=BaseModel)


class Strict(BaseModel):
    """A section of a recipe: unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseModelSpec(Strict):
    """Where the encoder comes from: a `folder`, which is inside the installed `package` if one is named."""

    name: str
    licence: str
    folder: str
    package: str = ""

    def path(self) -> Path:
        """Return the folder on disk that holds config.json, model.safetensors and tokenizer.json.

        Raises ConfigError if there is no such folder or package.
        """
        root = Path()
        if self.package:
            spec = importlib.util.find_spec(self.package)
            if spec is None or spec.origin is None:
                raise ConfigError(f"package {self.package!r} is not installed", fix="pip install -e '.[train]'")
            root = Path(spec.origin).parent
        if not (root / self.folder / "config.json").is_file():
            raise ConfigError(f"base model folder {root / self.folder} has no config.json")
        return root / self.folder


class RecipeHead(Strict):
    """A head, which answers one question; `multiclass` labels exclude each other, `multilabel` ones don't.

    A head whose `unit` is `sentence` scores each sentence, and a text has the worst one's score. A row that it calls
    bad has at least one such sentence; in a harmless row each sentence is. The first label of a multiclass head is the
    harmless one.

    `any` names one more label of a multiclass head: that a text is not of the first class, whichever it is of.

    `surface` lets the calibration of a head with one label see the form of the whole text (length, capitals, marks).
    `decide: macro_f1` moves the calibrated logits so that deciding at 0.5, or for the likeliest label, gives the best
    macro-F1 on the dev rows. It helps rare labels, at some cost in calibration error.
    """

    name: str
    kind: Literal["multiclass", "multilabel"]
    labels: tuple[str, ...] = Field(min_length=1)
    any: str = ""
    unit: Literal["window", "sentence"] = "window"
    pool: Literal["max", "mean"]
    surface: bool = False
    decide: Literal["likelihood", "macro_f1"] = "likelihood"


class Split(Strict):
    """Which rows are dev rows. Rows that the set itself keeps for tests are never read, whatever the split says.

    By `given`, the column `split` says so. By `random`, each row is drawn by lot, and the part `dev` of them is dev. By
    `group` it is the same, but rows with one value of `field` (publisher, template, article, author) stay together. By
    `date`, rows whose `field` (ISO 8601) is `after` or later are dev. By `given`, `field` may name the groups that the
    leakage report looks at.
    """

    by: Literal["given", "random", "group", "date"] = "given"
    field: str = ""
    dev: float = Field(default=0.1, gt=0, lt=1)
    after: date | None = None

    @model_validator(mode="after")
    def _complete(self) -> Split:
        if self.by in ("group", "date") and not self.field:
            raise ValueError(f"split by {self.by} needs `field`, the column that says which rows belong together")
        if (self.by == "date") != (self.after is not None):
            raise ValueError("a split by date needs `after`, the first day of dev; other splits can't have it")
        return self


class Join(Strict):
    """More columns, {new name: column}, from another file in the data folder; both files have the column `key`."""

    path: str
    key: str
    columns: dict[str, str]


class Source(Strict):
    """A data set, and what its labels teach.

    `path` in the data folder is a file (JSONL, CSV, Parquet) or a `datasets` folder; otherwise it is the name of a set
    on the Hugging Face hub, with its `revision` and `config`. Without `path`, SET.jsonl.gz or SET.jsonl is read. For
    the set `reviews`, which are people's decisions, `path` is their results folder.

    A set may be used several times under different `name`s. Each use takes the rows that `where` {column: values}
    selects and whose text matches the regular expression `matching`. (Labels made so are weak; the notes should say
    so.) `fields` gives the column of `text`, `label`, `split`, `source`, `language`, `date` and `id` if it has another
    name; any other field that it names is kept too.

    `labels` maps a label of the set to {head: target}. A target is a label of a multiclass head, or a list of the
    labels that are possible (the others are ruled out), or yes/no for a head with one label. `dev` names the heads that
    are calibrated and measured on this set's dev split. `harmless` says that its dev rows count as false alarms in the
    tables from which a policy's targets are resolved. `genre` is what uploads its harmless dev rows are like: their
    scores say how many such uploads a level holds. `passes` is how often each training row is seen; a fraction takes
    a fixed part of the rows. `disguise` is the share of training rows in which a word is written as people write it who
    dodge a filter. `hold_out` {field: values} keeps whole publishers for dev. `limit` caps the training rows,
    `dev_limit` the dev rows, `max_tokens` the length of each text, and `windows` the windows that one long text gives.
    """

    set: str
    name: str = Field(default_factory=lambda said: said.get("set", ""))
    path: str = ""
    config: str | None = None
    revision: str | None = None
    licence: str
    fields: dict[str, str] = {}
    where: dict[str, tuple[bool | int | float | str, ...]] = {}
    matching: str = ""
    join: Join | None = None
    split: Split = Split()
    labels: dict[str, dict[str, str | bool | tuple[str, ...]]]
    dev: tuple[str, ...] = ()
    hold_out: dict[str, tuple[str, ...]] = {}
    harmless: bool = False
    genre: Genre | None = None
    disguise: float = Field(default=0.0, ge=0, le=1)
    passes: float = Field(default=1.0, gt=0)
    limit: int | None = Field(default=None, gt=0)
    dev_limit: int | None = Field(default=None, gt=0)
    max_tokens: int | None = Field(default=None, ge=16)
    windows: int = Field(default=1, gt=0)


class Training(Strict):
    """The settings of the training. Learning rates are peak values of AdamW; `tokens_per_batch` counts padded tokens.

    An optimiser step takes `accumulate` batches. A checkpoint is written every `checkpoint` steps, and training stops
    after `patience` epochs without a better score. The result is the mean of the weights of the `average` epochs with
    the best dev scores (Wortsman et al. 2022).
    """

    seed: int = 7
    epochs: int = Field(default=3, gt=0)
    patience: int = Field(default=2, gt=0)
    average: int = Field(default=1, gt=0)
    learning_rate: float = 8e-5
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = Field(default=0.06, ge=0, lt=1)
    tokens_per_batch: int = Field(default=2048, gt=0)
    accumulate: int = Field(default=1, gt=0)
    checkpoint: int = Field(default=500, gt=0)
    mixed_precision: Literal["no", "bf16", "fp16"] = "bf16"
    freeze_embeddings: bool = False


class Plant(Strict):
    """How training rows are set into ordinary texts, so that heads learn what a sentence is among others.

    Each time that a row is seen, it stands with the chance `share` at a random place of a window of the sources
    `carriers`, of at most `max_tokens` tokens together. The targets of the carrier hold for its own sentences. With the
    chance `unmarked` the marks between sentences are left out. Rows of the carriers themselves, and rows of more than
    half of `max_tokens`, always stand alone. Heads about windows learn nothing from a composed window.
    """

    carriers: tuple[str, ...] = Field(min_length=1)
    share: float = Field(gt=0, le=1)
    max_tokens: int = Field(default=160, ge=32)
    unmarked: float = Field(default=0.1, ge=0, le=1)


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
    aims: dict[str, dict[str, float]] = {}
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
