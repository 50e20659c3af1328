"""The fields of a bundle's `bundle.json`, and the rules that they must follow."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from screening.classifiers.pooling import Kind, Pool, Scope
from screening.classifiers.surface import Feature
from screening.records import Genre

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Version = Annotated[str, Field(pattern=r"^\d+(\.\d+)*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Graph = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*\.onnx$")]
Json = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*\.json$")]
Positive = Annotated[float, Field(gt=0)]
MANIFEST = "bundle.json"
CARD = "MODEL_CARD.md"  # only people read it; the bundle need not list it
TOKENISED = ("input_ids", "attention_mask", "token_type_ids")  # the inputs that a text model may have


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Windowing(_Strict):
    """How long texts are cut: into windows of `max_tokens` (special tokens included) that share `overlap` tokens.

    `sentences` is the number of the rules by which heads about sentences were calibrated, see `sentences.split`.
    """

    max_tokens: int = Field(ge=8, le=8192)
    overlap: int = Field(ge=0)
    sentences: Literal[1] | None = None

    @model_validator(mode="after")
    def _overlap_leaves_room(self) -> Windowing:
        if self.overlap > self.max_tokens // 2:
            raise ValueError("overlap is more than half of max_tokens")
        return self


class Tiles(_Strict):
    """How pictures are cut: into at most `count` tiles, on a regular grid, that never overlap.

    A picture smaller than a tile is mirrored at its edges. With `beside_whole` the three channels of each tile are
    followed by those of the whole picture, scaled to the tile's size.
    """

    count: int = Field(ge=1, le=256)
    beside_whole: bool = False


class Pixels(_Strict):
    """How pictures are fed: scaled to `size` (height, width), mapped to 0..1, then `(x - mean) / std` per channel.

    Without `mean` and `std` the graph normalises by itself and is fed uint8 [batch, height, width, channels]. With
    `tiles` pictures are not scaled but cut into tiles of `size`, which are pooled like the windows of a text: scaling
    would remove the traces of blur, noise and compression.
    """

    size: tuple[Annotated[int, Field(ge=1, le=4096)], Annotated[int, Field(ge=1, le=4096)]]
    mean: tuple[float, float, float] | None = None
    std: tuple[Positive, Positive, Positive] | None = None
    tiles: Tiles | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Pixels:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std go together; leave out both if the graph takes uint8")
        return self

    @property
    def channels(self) -> int:
        """How many channels a window has: 3, or 6 with the whole picture beside a tile."""
        return 6 if self.tiles and self.tiles.beside_whole else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape the model is fed: [height, width, channels] in uint8, [channels, height, width] in float32."""
        return (*self.size, self.channels) if self.mean is None else (self.channels, *self.size)


class Affine(_Strict):
    """The calibration `scale * logit + shift`, with one of each per label (Platt 1999; Guo et al. 2017)."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]


class Form(_Strict):
    """How the form of a whole text moves the logit of a pooled score: see `surface`.

    The sum of `weight * (feature - centre) / spread` over the `features` is added to the logit.
    """

    features: tuple[Feature, ...] = Field(min_length=1)
    centre: tuple[float, ...]
    spread: tuple[Positive, ...]
    weight: tuple[float, ...]

    @model_validator(mode="after")
    def _one_of_each_per_feature(self) -> Form:
        if not len(self.features) == len(self.centre) == len(self.spread) == len(self.weight):
            raise ValueError("surface needs one centre, spread and weight per feature")
        return self


class Head(_Strict):
    """One output of the model, with a softmax over its labels or a sigmoid for each; `pool` joins windows or tiles.

    The output of a head whose `unit` is `sentence` has logits for each token; the head scores sentences, and `pool`
    joins these. Its pooled logit falls by `discount` for each factor of e in the number of sentences, since the worst
    of many is worse by chance. `any` names one more label: that a content is not of the first class, whichever it is.
    """

    name: Name
    kind: Kind
    labels: tuple[Name, ...] = Field(min_length=1)
    any: Name | None = None
    output: str
    unit: Scope = "window"
    pool: Pool = "max"
    discount: Annotated[float, Field(ge=0)] = 0.0
    calibration: Affine | None = None
    surface: Form | None = None

    @model_validator(mode="after")
    def _one_of_each_per_label(self) -> Head:
        if self.kind == "multiclass" and len(self.labels) < 2:
            raise ValueError("a multiclass head needs two labels or more")
        if self.kind == "multilabel" and self.any:
            raise ValueError("`any` belongs to a multiclass head")
        if self.calibration and not len(self.calibration.scale) == len(self.calibration.shift) == len(self.labels):
            raise ValueError("calibration needs one scale and one shift per label")
        if self.surface and (self.kind == "multiclass" or len(self.labels) > 1):
            raise ValueError("surface belongs to a multilabel head with one label")
        if self.discount and self.unit != "sentence":
            raise ValueError("discount belongs to a head whose unit is the sentence")
        return self

    @property
    def scored(self) -> tuple[Name, ...]:
        """Everything that it has a score for."""
        return (*self.labels, self.any) if self.any else self.labels


class Manifest(_Strict):
    """The content of `bundle.json`, format 1."""

    format: Literal[1]
    name: Name
    version: Version
    modality: Literal["text", "image"]
    model: Graph
    tokenizer: Json | None = None
    text: Windowing | None = None
    image: Pixels | None = None
    languages: tuple[Language, ...] = Field(("en",), min_length=1)  # that a text bundle reads
    inputs: tuple[str, ...] = Field(min_length=1)
    heads: tuple[Head, ...] = Field(min_length=1)
    calibration: Json | None = None
    int8: bool = False  # the graph quantises activations too: it runs in int8, or in float without that step
    files: dict[str, Sha256]
    base_model: dict[str, Any] = {}
    training_data: list[dict[str, Any]] = []
    metrics: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        labels = [label for head in self.heads for label in head.scored]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"label {twice[0]!r} is used twice; labels must be unique, since policies refer to them")
        if self.modality == "text":
            if not (self.text and self.tokenizer):
                raise ValueError("a text bundle needs `text` and `tokenizer`")
            if unknown := sorted(set(self.inputs) - set(TOKENISED)):
                raise ValueError(f"a text model can't be fed {unknown[0]!r}, only {', '.join(TOKENISED)}")
        elif not self.image or len(self.inputs) != 1:
            raise ValueError("an image bundle needs `image` and one input")
        elif any(head.surface for head in self.heads):
            raise ValueError("an image bundle can't have `surface`, which is the form of a text")
        by_sentence = any(head.unit == "sentence" for head in self.heads)
        if by_sentence != bool(self.text and self.text.sentences):
            raise ValueError("heads about sentences and `text.sentences`, the number of their rules, go together")
        known = {file for file in (self.model, self.tokenizer, self.calibration) if file}
        if unlisted := sorted(known - set(self.files)):
            raise ValueError(f"{unlisted[0]} is not in `files`, so its sha256 is not known")
        if unknown := sorted(set(self.files) - known - {CARD}):
            raise ValueError(f"a bundle may not hold the file {unknown[0]!r}")
        return self


class Harmless(_Strict):
    """The highest scores, falling, of so many harmless texts of one genre (`rows`)."""

    rows: int = Field(ge=1)
    highest: tuple[float, ...]

    @model_validator(mode="after")
    def _falling(self) -> Harmless:
        if len(self.highest) > self.rows or any(a < b for a, b in pairwise(self.highest)):
            raise ValueError("the highest scores of harmless texts do not fall, or are more than these texts")
        return self


class Calibration(_Strict):
    """The precision and recall of one label at rising thresholds, on rows that the model was not trained on.

    `harmless` says how high harmless texts score, by genre.
    """

    rows: int = Field(ge=1)
    positives: int = Field(ge=0)
    thresholds: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    harmless: dict[Genre, Harmless] = {}

    @model_validator(mode="after")
    def _even_and_rising(self) -> Calibration:
        if not len(self.thresholds) == len(self.precision) == len(self.recall):
            raise ValueError("thresholds, precision and recall differ in length")
        if any(a >= b for a, b in pairwise(self.thresholds)):
            raise ValueError("thresholds do not rise")
        return self
