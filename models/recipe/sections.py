"""The sections of a recipe: the base model, the heads, the data sets, how rows are planted, the training."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from screening.errors import ConfigError
from screening.records import Genre

Precision = Literal["fp32", "fp16", "int8", "int8_weights"]


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
