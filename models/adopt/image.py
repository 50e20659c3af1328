"""Adopt an image checkpoint: describe its processor as far as a bundle can, and measure what the rest costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import AutoImageProcessor, PreTrainedModel

from models.export.convert import output
from models.export.normalise import Normalise, image_record
from models.recipe import RecipeHead
from models.text.score import Floats, Windows
from screening.classifiers.engines import Feed
from screening.classifiers.manifest import Pixels
from screening.classifiers.pictures import cut
from screening.classifiers.pooling import calibrated
from screening.content import Picture
from screening.decode import decode
from screening.errors import ConfigError, UploadError

INPUT = "pixel_values"
ROWS = 16  # the rows of a batch
SHAPES = ((96, 160), (160, 96), (128, 128), (300, 200))  # height and width of the generated pictures
MATERIAL_SHARE, MATERIAL_MEAN = 0.995, 0.01  # least share of equal decisions, most mean |Δp|, for the same classifier


class Network(nn.Module):
    """A network that gives the logits alone, of pictures that are not normalised yet."""

    def __init__(self, model: PreTrainedModel, how: Pixels) -> None:
        super().__init__()
        self.normalise = Normalise(how)
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor]:
        """Return logits [batch, labels] of uint8 [batch, height, width, 3]."""
        return (self.model(pixel_values=self.normalise(pixel_values)).logits,)


@dataclass(frozen=True)
class ImageCheckpoint:
    """An image classifier, with everything that a bundle needs of it."""

    network: Network
    processor: Any
    how: Pixels
    file: str

    def record(self) -> dict[str, Any]:
        """The entries of bundle.json that describe it."""
        return {"modality": "image", "image": image_record(self.how), "inputs": [INPUT]}

    @property
    def files(self) -> dict[str, bytes]:
        """The files that the bundle has beside the model."""
        return {}

    def feeds(self) -> list[Feed]:
        """Return a batch of one picture, and one of several."""
        chance = np.random.default_rng(0)
        return [{INPUT: chance.integers(0, 256, (n, *self.how.size, 3), np.uint8)} for n in (1, 5, 3)]

    def scored(self, path: Path, head: RecipeHead, files: Sequence[str]) -> Windows:
        """Return the logits of pictures in files, decoded and scaled as in jobs, by the model at `path`."""
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        n = len(files)
        parts = (files[start : start + ROWS] for start in range(0, n, ROWS))
        feeds = ({INPUT: np.stack([self._scaled(read_picture(file)) for file in part])} for part in parts)
        logits = np.concatenate([session.run([output(head)], feed)[0] for feed in feeds])
        return Windows({head.name: logits}, np.arange(n), np.ones(n, np.int64), np.zeros((n, 0)))

    @torch.no_grad()
    def processing(self, head: RecipeHead, files: Sequence[str]) -> dict[str, Any]:
        """Return how much scores differ from those after the checkpoint's own processor.

        They are compared on the pictures in `files`, or on generated ones if there are none.
        """
        pictures = [read_picture(file) for file in files] or generated()
        own = [self.network.model(pixel_values=self._own(picture)).logits for picture in pictures]
        ours = [self.network(torch.tensor(self._scaled(picture)[None]))[0] for picture in pictures]
        p, q = (calibrated(head.kind, torch.cat(each).numpy()) for each in (own, ours))
        same = p.argmax(1) == q.argmax(1) if head.kind == "multiclass" else ((p >= 0.5) == (q >= 0.5)).all(1)
        return {
            "pictures": len(pictures),
            "generated": not files,
            "same_decision": round(float(same.mean()), 4),
            "max_delta": round(float(np.abs(p - q).max()), 4),
            "mean_delta": round(float(np.abs(p - q).mean()), 5),
        }

    def _scaled(self, picture: Picture) -> npt.NDArray[np.uint8]:
        [(whole, _)] = cut(picture.pixels, self.how)
        return whole

    def _own(self, picture: Picture) -> Tensor:
        made: Tensor = self.processor(images=Image.fromarray(picture.pixels), return_tensors="pt")[INPUT]
        return made.float()


def image_checkpoint(folder: Path, model: PreTrainedModel) -> ImageCheckpoint:
    """Return the checkpoint with its processor as `Pixels`.

    `(x · factor − mean) / std` of a processor becomes `(x / 255 − mean') / std'` of a bundle. Raises ConfigError if the
    processor doesn't turn a picture into three channels of one size.
    """
    file = str(folder / "preprocessor_config.json")
    try:
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        shapes = {processor(images=Image.fromarray(p.pixels), return_tensors="np")[INPUT].shape for p in generated()}
    except Exception as error:  # transformers may raise anything for a missing or strange file
        what = f"no usable image processor: {type(error).__name__}"
        raise ConfigError(what, file=file, fix="save the processor beside the model with save_pretrained") from None
    if len(shapes) > 1 or len(shape := shapes.pop()) != 4 or shape[:2] != (1, 3):
        fix = "adopt a model that takes three channels of one size"
        raise ConfigError("it does not make one picture of three channels and one size", file=file, fix=fix)
    factor = 255 * (float(processor.rescale_factor) if processor.do_rescale else 1.0)
    mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else ([0.0] * 3, [1.0] * 3)
    scaled = {"mean": [float(v) / factor for v in mean], "std": [float(v) / factor for v in std]}
    how = Pixels.model_validate({"size": shape[2:], **scaled})
    return ImageCheckpoint(Network(model, how), processor, how, file)


def refuse_material(found: dict[str, Any], file: str) -> None:
    """Raise ConfigError if the scaled whole picture gets other scores than what the processor makes of the picture."""
    if found["same_decision"] < MATERIAL_SHARE or found["mean_delta"] > MATERIAL_MEAN:
        what = (
            f"a bundle scales the whole picture bicubically, but its processor does not: scores differ by "
            f"{found['mean_delta']} on average and {found['max_delta']} at most"
        )
        fix = "give --calibrate with pictures: the bundle's own scores are then calibrated, and the card says so"
        raise ConfigError(what, file=file, fix=fix)


def read_picture(file: str) -> Picture:
    """Return a picture as jobs decode it. Raises ConfigError if the file isn't a picture."""
    try:
        content = decode(Path(file).read_bytes()).main
    except (OSError, UploadError) as error:
        raise ConfigError(f"not a picture: {error}", file=file) from None
    if not isinstance(content, Picture):
        raise ConfigError("not a picture", file=file)
    return content


def generated() -> list[Picture]:
    """Return pictures of ramps, edges and some noise, of several shapes."""
    chance = np.random.default_rng(0)
    made = []
    for number, (height, width) in enumerate(SHAPES * 4):
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        waves: Floats = np.stack([np.sin(2 * np.pi * (x * a + y * b)) for a, b in chance.uniform(0, 6, (3, 2))], 2)
        edge = ((x + y) * 5 % 1 > 0.5)[:, :, None] * chance.uniform(-60, 60, 3)
        noise = chance.normal(0, 4 * (number % 3), (height, width, 3))
        pixels = np.clip(128 + 60 * waves + edge + noise, 0, 255).astype(np.uint8)
        made.append(Picture(width, height, pixels))
    return made
