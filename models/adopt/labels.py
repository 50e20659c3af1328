"""Read LABELS.yaml, which gives a checkpoint's labels our names, and the labelled rows to calibrate it on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, StrictInt, StrictStr, ValidationError

from models.recipe import RecipeHead, Strict
from screening.classifiers.manifest import Language, Name
from screening.errors import ConfigError
from screening.policy.thresholds import MIN_ROWS


class Origin(Strict):
    """A data set that the checkpoint was trained on, as far as that is known."""

    name: str
    licence: str = "not stated"
    rows: int | None = None


class Labels(Strict):
    """What a checkpoint can't say itself.

    `labels` maps all its label names (or their numbers) to ours. `kind` says whether one of them is true (multiclass,
    softmax) or each is yes or no (multilabel, sigmoid). `pool` joins the windows of a text. `max_tokens` and `overlap`
    cut them; the defaults are what the model reads, at most 512, and an eighth of that. `head` and `base_model` are
    names; the defaults are those of the bundle and the checkpoint. `languages` are those that a text model reads, as
    ISO 639-1 codes.
    """

    kind: Literal["multiclass", "multilabel"]
    labels: dict[StrictStr | StrictInt, Name] = Field(min_length=1)
    head: Name | None = None
    pool: Literal["max", "mean"] = "max"
    max_tokens: int | None = Field(default=None, ge=8)
    overlap: int | None = Field(default=None, ge=0)
    base_model: str = ""
    licence: str = "not stated"
    training_data: tuple[Origin, ...] = ()
    notes: tuple[str, ...] = ()
    languages: tuple[Language, ...] = Field(("en",), min_length=1)


def load_labels(path: Path) -> Labels:
    """Return the content of a LABELS.yaml. Raises ConfigError, which names the file and the field."""
    try:
        return Labels.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"can't be read: {error}", file=str(path), fix="write `kind` and `labels`") from error
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'labels'}: {e['msg']}" for e in error.errors())
        fix = "for example {kind: multiclass, labels: {LABEL_0: normal, LABEL_1: toxic}}"
        raise ConfigError(told, file=str(path), fix=fix) from error


def head_of(labels: Labels, bundle: str, outputs: Sequence[str], problem: str | None, file: str) -> RecipeHead:
    """Return the head with our label for each of the checkpoint's `outputs`. Raises ConfigError if they don't fit.

    `problem` is the checkpoint's own word for what its logits are, if it has one.
    """
    said = {str(key): label for key, label in labels.labels.items()}
    missing = [name for i, name in enumerate(outputs) if name not in said and str(i) not in said]
    if missing:
        what = f"labels: there is no name for {', '.join(map(repr, missing))}"
        raise ConfigError(what, file=file, fix="name each label of the checkpoint's id2label")
    known = {*outputs, *map(str, range(len(outputs)))}
    if unknown := [key for key in said if key not in known]:
        what = f"labels: the checkpoint has no {unknown[0]!r}"
        raise ConfigError(what, file=file, fix=f"it has {', '.join(map(repr, outputs))}")
    names = tuple(said.get(name) or said[str(i)] for i, name in enumerate(outputs))
    if len(set(names)) < len(names):
        raise ConfigError(
            "labels: two labels of the checkpoint get the same name", file=file, fix="give each its own name"
        )
    kinds = {"single_label_classification": "multiclass", "multi_label_classification": "multilabel"}
    if problem is not None and kinds.get(problem) != labels.kind:
        fix = f"write kind: {kinds[problem]}" if problem in kinds else "only classification can be adopted"
        raise ConfigError(f"kind: {labels.kind}, but the checkpoint is made for {problem}", file=file, fix=fix)
    if labels.kind == "multiclass" and len(names) < 2:
        raise ConfigError("kind: multiclass needs two labels or more", file=file, fix="write kind: multilabel")
    return RecipeHead(name=labels.head or bundle, kind=labels.kind, labels=names, pool=labels.pool)


@dataclass(frozen=True)
class Labelled:
    """Labelled rows: texts or paths of pictures, and for each whether it has each label (0 or 1)."""

    contents: list[str]
    targets: list[list[int]]


def read_labelled(path: Path, head: RecipeHead, field: Literal["text", "image"]) -> Labelled:
    """Return the rows {"text" or "image", "label"} of a JSONL file; paths of pictures start at that file's folder.

    `label` is one of our names; for a multilabel head it is a list of them, or with a single label also true or false.
    Raises ConfigError with the number of a malformed line, or if a label has too few rows with it or without it; it
    needs as many as a policy's targets do.
    """
    contents, targets = [], []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't be read: {error}", file=str(path)) from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            content, label = row[field], row["label"]
        except (ValueError, KeyError, TypeError):
            what = f"not a JSON object with {field!r} and 'label'"
            raise ConfigError(what, file=str(path), line=number, fix="write one row per line") from None
        if not isinstance(content, str):
            raise ConfigError(f"{field!r} is not a string", file=str(path), line=number)
        contents.append(str(path.parent / content) if field == "image" else content)
        targets.append(_target(head, label, path, number))
    for k, label in enumerate(head.labels):
        positive = sum(target[k] for target in targets)
        if min(positive, len(targets) - positive) < MIN_ROWS:
            what = (
                f"{label!r} has {positive} of {len(targets)} rows; {MIN_ROWS} with it and {MIN_ROWS} without are needed"
            )
            raise ConfigError(what, file=str(path), fix="add rows, or leave out --calibrate and use scores in policies")
    return Labelled(contents, targets)


def _target(head: RecipeHead, label: Any, path: Path, number: int) -> list[int]:
    if head.kind == "multilabel" and len(head.labels) == 1 and label in (True, False):
        return [int(label)]
    given = label if isinstance(label, list) and head.kind == "multilabel" else [label]
    if unknown := [each for each in given if each not in head.labels]:
        fix = f"the labels are {', '.join(head.labels)}" + (", or a list of them" * (head.kind == "multilabel"))
        raise ConfigError(f"unknown label {unknown[0]!r}", file=str(path), line=number, fix=fix)
    return [int(each in given) for each in head.labels]
