"""Normalise pictures in the first layer of an image model, so that an engine is fed plain bytes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from screening.classifiers.manifest import Pixels
from screening.errors import ConfigError


class Normalise(nn.Module):
    """A layer that turns uint8 [batch, height, width, channels] into float32 [batch, channels, height, width].

    It computes `(x / 255 - mean) / std`. The axes are swapped while the values are bytes, since a product over the last
    axis of three channels takes ONNX Runtime 15 times as long. Raises ConfigError without mean and std.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, how: Pixels) -> None:
        super().__init__()
        if how.mean is None or how.std is None:
            raise ConfigError("image.mean and image.std are missing", fix="say how the network's pixels are normalised")
        both = torch.tensor([how.mean, how.std], dtype=torch.float64)
        mean, std = both.repeat(1, how.channels // 3)[..., None, None]
        self.register_buffer("scale", (1 / (255 * std)).float(), persistent=False)
        self.register_buffer("shift", (-mean / std).float(), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised pixels."""
        return pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift


def image_record(how: Pixels) -> dict[str, Any]:
    """Return the entry `image` of bundle.json for a graph that normalises by itself."""
    return how.model_dump(mode="json", exclude={"mean", "std"}, exclude_none=True)
