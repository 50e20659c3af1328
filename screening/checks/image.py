"""Quality of images; every function scores one `View` and none decides.

Constants were set on photographs that are known to be good or damaged; the numbers stand in each docstring.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from screening.checks.check import Check
from screening.records import Picture

Grey = npt.NDArray[np.floating[Any]]

SIDE = 512  # pixels; quality is judged at the size at which people see a picture, whatever its resolution
TILES = 8  # tiles a side
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
NOISE = 150.0  # squared grey levels of second differences that noise of 5 levels makes: 6 σ²
FLAT = 1.0  # squared grey levels that rounding to 8 bits makes; below it there is nothing to be blurred
CLIPPED = 250  # grey level that a camera's highlight warning takes for white
WHITE_EDGE = 0.9  # of the outermost pixels: the paper of a drawing
ALIKE = 6  # levels a channel within which compression moves the pixels of one plain colour


class View:
    """A picture as the checks look at it, each view made once."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @cached_property
    def small(self) -> Image.Image:
        """RGB, box-filtered down to fit `SIDE`; a smaller picture as it is."""
        image = Image.fromarray(self.picture.pixels)
        scale = SIDE / max(image.size)
        if scale >= 1:
            return image
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return image.resize(size, Image.Resampling.BOX)

    @cached_property
    def grey(self) -> npt.NDArray[np.uint8]:
        """Luma of `small` (ITU-R BT.601, as Pillow rounds it)."""
        return np.asarray(self.small.convert("L"))

    @cached_property
    def levels(self) -> npt.NDArray[np.int64]:
        """How many pixels of `grey` have each of the 256 levels."""
        return np.bincount(self.grey.reshape(-1), minlength=256)


def low_resolution(view: View) -> float:
    """The shorter side of the upload in pixels (EBU QC and most portals state their minimum so)."""
    return float(min(view.picture.width, view.picture.height))


def blurred(view: View) -> float:
    """How much of the detail at half size is still there at full size; small when out of focus or moved.

    Laplacian energy (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000) taken
    by direction, since motion blurs one only, and divided by itself at half the size, which frees it from
    contrast and subject: detail of a sharp picture falls off as a power of its scale (Field 1987), blur as an
    exponential. Lowest over four directions and three halvings; the quietest tile's energy, up to what noise
    makes, is taken off. 1 when there is no detail at all. Sharp photographs: 0.23 and more, most above 0.35.
    """
    grey = view.grey.astype(np.float32)
    ratios = [1.0]
    coarses: list[Grey] = []
    while min(grey.shape) >= 6 * TILES and len(ratios) <= 3 * len(NEIGHBOURS):
        half = _half(grey)
        fines = coarses or [_detail(grey, step) for step in NEIGHBOURS]
        coarses = [_detail(half, step) for step in NEIGHBOURS]
        for fine, coarse in zip(fines, coarses, strict=True):
            noise = min(float(fine.min()), NOISE)
            kept = np.maximum(fine - noise, 0).mean() + FLAT
            ratios.append(float(kept / (np.maximum(coarse - noise / 4, 0).mean() + FLAT)))
        grey = half
    return min(ratios)


def under_exposed(view: View) -> float:
    """The 99th percentile of luma, 0..255: how light the lightest part is.

    A night picture with lights in it is not under-exposed, as in ISO 12232's saturation-based exposure the
    highlights are what counts. Good photographs: 150 and more; 3 stops under: 100 and less.
    """
    return _quantile(view.levels, 0.99)


def over_exposed(view: View) -> float:
    """The share of pixels that are clipped to white (the highlight warning of cameras, 250 of 255).

    0 when the picture's edge is white all round: a drawing or a product on white paper. Good photographs: under
    0.2, nearly all under 0.02; 3 stops over: half have more than 0.4.
    """
    grey = view.grey
    edge = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    if (edge >= CLIPPED).mean() >= WHITE_EDGE:
        return 0.0
    return float(view.levels[CLIPPED:].sum() / grey.size)


def blank(view: View) -> float:
    """The share of pixels that are within 6 levels of the median colour in each channel.

    After EBU Tech 3363's test item for black and plain pictures, for any colour. A page of a few thin lines has
    0.95, a plain colour after compression above 0.999.
    """
    red, green, blue = (_alike(channel) for channel in view.small.split())
    return float((red & green & blue).mean())


IMAGE_CHECKS = (
    Check("low_resolution", 1, "image", "pixels", "low", low_resolution),
    Check("blurred", 1, "image", "ratio", "low", blurred),
    Check("under_exposed", 1, "image", "grey level", "low", under_exposed),
    Check("over_exposed", 1, "image", "share", "high", over_exposed),
    Check("blank", 1, "image", "share", "high", blank),
)


def _quantile(counts: npt.NDArray[np.int64], share: float) -> float:
    """The lowest level that at least `share` of the pixels do not exceed."""
    return float(np.searchsorted(np.cumsum(counts), share * counts.sum()))


def _alike(channel: Image.Image) -> npt.NDArray[np.bool_]:
    """Which pixels are near the median; in bytes, where what is less wraps around to the most."""
    median = int(_quantile(np.array(channel.histogram()), 0.5))
    least, most = max(0, median - ALIKE), min(255, median + ALIKE)
    near: npt.NDArray[np.bool_] = np.asarray(channel) - np.uint8(least) <= most - least
    return near


def _half(grey: Grey) -> Grey:
    even = grey[: grey.shape[0] // 2 * 2, : grey.shape[1] // 2 * 2]
    whole: Grey = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    return whole


def _detail(grey: Grey, step: tuple[int, int]) -> Grey:
    """The mean square of the second difference along `step`, for each of the 8 × 8 tiles."""
    (down, right), (height, width) = step, grey.shape
    ahead = grey[1 + down : height - 1 + down, 1 + right : width - 1 + right]
    behind = grey[1 - down : height - 1 - down, 1 - right : width - 1 - right]
    square = ahead + behind
    square -= 2 * grey[1:-1, 1:-1]
    square *= square
    rows, columns = square.shape[0] // TILES, square.shape[1] // TILES
    tiles = square[: rows * TILES, : columns * TILES].reshape(TILES, rows, TILES, columns)
    means: Grey = tiles.mean(axis=(1, 3))
    return means
