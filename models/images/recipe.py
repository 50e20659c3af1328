"""Read and validate recipes of image bundles: the photographs, how they are damaged, the network, the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from models.images.damage import DAMAGES
from models.recipe import Strict, Training, document, validated
from screening.classifiers.manifest import Pixels

CELL = 8  # the side of a cell of the stem in pixels, as of the blocks of a JPEG


class Backbone(Strict):
    """A Hugging Face image classifier behind a convolutional stem.

    `config` has the arguments of a transformers config (`model_type` and sizes) and is trained from scratch; or
    `folder` is a saved model with its weights. `stem` is the number of filters that `models.images.stem` has at each
    scale; with 0 there is no stem, and the backbone reads pixels.
    """

    name: str
    licence: str
    config: dict[str, Any] = Field(default={})
    folder: str = ""
    stem: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_origin(self) -> Backbone:
        if bool(self.folder) == ("model_type" in self.config):
            raise ValueError("name either a `folder` or a `config` with `model_type`")
        return self


class Ramp(Strict):
    """What the strength of a damage means: its `label` is 0 up to `mild`, 1 from `strong`, and linear in between."""

    label: str
    mild: float = Field(ge=0)
    strong: float

    @model_validator(mode="after")
    def _rising(self) -> Ramp:
        if self.strong <= self.mild:
            raise ValueError(f"strong {self.strong} must be above mild {self.mild}")
        return self

    def severity(self, strength: float) -> float:
        """Return the severity of a strength, 0..1."""
        return min(1.0, max(0.0, (strength - self.mild) / (self.strong - self.mild)))

    def strength(self, severity: float) -> float:
        """Return the strength of a severity; the line continues below 0 and above 1."""
        return self.mild + severity * (self.strong - self.mild)


class Photographs(Strict):
    """A folder of undamaged photographs in the data folder.

    `drawings` names pictures that are never damaged: they only teach what is not damage. `leave_out` names those that
    are not used at all. `dev` and `held_out` are the numbers of photographs kept for calibration and for measuring; the
    seed decides which.
    """

    set: str
    licence: str
    leave_out: tuple[str, ...] = ()
    drawings: tuple[str, ...] = ()
    dev: int = Field(gt=0)
    held_out: int = Field(gt=0)


class Checked(Strict):
    """Photographs with real damage, used only for measuring.

    `set` is their folder; the ends of the file names, given in `damaged` and `fine`, say which are which.
    """

    set: str
    licence: str
    label: str
    fine: str
    damaged: tuple[str, ...]


class ImageRecipe(Strict):
    """Everything that makes an image bundle, except the data itself.

    `overall` is the label of the score over all damages. In an epoch each photograph gives `versions` pictures, each
    damaged anew, and `tiles` are cut from each at random places. A batch has `batch` versions. The bundle is published
    only if each label of `must_beat` is surely better than every number that needs no learning.
    """

    modality: Literal["image"]
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    backbone: Backbone
    image: Pixels
    overall: str
    damages: dict[str, Ramp] = Field(min_length=1)
    photographs: Photographs
    checks: tuple[Checked, ...] = ()
    must_beat: tuple[str, ...] = ()
    versions: int = Field(gt=0)
    tiles: int = Field(gt=0)
    batch: int = Field(gt=0)
    precision: Literal["fp32", "fp16", "int8_weights"] = "int8_weights"
    training: Training = Training()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> ImageRecipe:
        if unknown := sorted(set(self.damages) - set(DAMAGES)):
            raise ValueError(f"damages: unknown {unknown[0]!r}; there are {', '.join(DAMAGES)}")
        if self.image.mean is None:
            raise ValueError("image.mean and image.std are missing: they say how pixels are normalised")
        if self.image.tiles is None:
            raise ValueError("image.tiles is missing: scaling a picture down takes its damage away")
        if self.backbone.stem and any(side % CELL for side in self.image.size):
            raise ValueError(f"image.size {self.image.size}: a stem needs multiples of {CELL}")
        if self.overall in self.kinds:
            raise ValueError(f"overall: {self.overall!r} is already the label of a damage")
        if unknown := sorted(set(self.must_beat) - set(self.kinds)):
            raise ValueError(f"must_beat: unknown label {unknown[0]!r}; there are {', '.join(self.kinds)}")
        for check in self.checks:
            if check.label not in self.labels:
                raise ValueError(
                    f"checks.{check.set}: unknown label {check.label!r}; there are {', '.join(self.labels)}"
                )
        return self

    @property
    def kinds(self) -> tuple[str, ...]:
        """The labels of the damages, without repeats."""
        return tuple(dict.fromkeys(ramp.label for ramp in self.damages.values()))

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, in the order of the outputs."""
        return (*self.kinds, self.overall)


def is_image_recipe(path: Path) -> bool:
    """Return whether the file says `modality: image`. Raises ConfigError if it can't be read."""
    said = document(path)
    return isinstance(said, dict) and said.get("modality") == "image"


def load_image_recipe(path: Path) -> ImageRecipe:
    """Return the recipe in a file. Raises ConfigError, which names the file, the field and what is allowed."""
    return validated(path, ImageRecipe, "models/images/recipe.py says what each field means")
