"""Quality checks for images. Each function scores one `View`; none decides.

The constants were set on photographs that are known to be good or damaged; each docstring gives its figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from screening.checks.check import Check
from screening.content import Picture

Grey = npt.NDArray[np.floating[Any]]

SIDE = 512  # pixels; quality is judged at the size at which people see a picture, whatever its resolution
TILES = 8  # tiles per side
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
NOISE = 150.0  # squared grey levels of the second differences of noise with σ = 5 levels: 6 σ²
FLAT = 1.0  # squared grey levels from rounding to 8 bits; below it there is no detail that could be blurred
CLIPPED = 250  # the grey level from which a camera's highlight warning counts a pixel as white
WHITE_EDGE = 0.9  # of the outermost pixels; if so many are white, they are the paper of a drawing
ALIKE = 6  # levels per channel; compression moves the pixels of one plain colour by no more


class View:
    """A picture as the checks look at it; each derived form is computed once."""

    def __init__(self, picture: Picture, _: Iterable[str] = ()) -> None:
        self.picture = picture

    @cached_property
    def small(self) -> Image.Image:
        """The picture in RGB, box-filtered down to fit `SIDE`; a smaller one is left as it is."""
        image = Image.fromarray(self.picture.pixels)
        scale = SIDE / max(image.size)
        if scale >= 1:
            return image
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return image.resize(size, Image.Resampling.BOX)

    @cached_property
    def grey(self) -> npt.NDArray[np.uint8]:
        """The luma of `small` (ITU-R BT.601, as Pillow rounds it)."""
        return np.asarray(self.small.convert("L"))

    @cached_property
    def levels(self) -> npt.NDArray[np.int64]:
        """The number of pixels of `grey` at each of the 256 levels."""
        return np.bincount(self.grey.reshape(-1), minlength=256)


def low_resolution(view: View) -> float:
    """Return the shorter side of the upload in pixels, as EBU QC and most portals state their minimum."""
    return float(min(view.picture.width, view.picture.height))


def blurred(view: View) -> float:
    """Return how much of the detail at half size is still there at full size; low if out of focus or moved.

    It is Laplacian energy (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000) at full
    size, divided by that at half size, which makes it independent of contrast and subject: the detail of a sharp
    picture falls off as a power of its scale (Field 1987), that of a blurred one exponentially. The energy is taken by
    direction, since motion blurs only one, and less the quietest tile's energy, up to what noise makes. The score is
    the lowest over four directions and three halvings, and 1 if there is no detail at all. Sharp photographs have 0.23
    or more, most of them above 0.35.
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
    """Return the 99th percentile of luma, 0 to 255: how light the lightest part is.

    A night picture with lights in it is not under-exposed: the highlights count, as in ISO 12232's saturation-based
    exposure. Good photographs have 150 or more, those 3 stops under 100 or less.
    """
    return _quantile(view.levels, 0.99)


def over_exposed(view: View) -> float:
    """Return the share of pixels that are clipped to white (250 of 255, like cameras' highlight warning).

    It is 0 if the picture's edge is white all round, as for a drawing or a product on white paper. Good photographs
    have less than 0.2, nearly all less than 0.02; half of those 3 stops over have more than 0.4.
    """
    grey = view.grey
    edge = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    if (edge >= CLIPPED).mean() >= WHITE_EDGE:
        return 0.0
    return float(view.levels[CLIPPED:].sum() / grey.size)


def blank(view: View) -> float:
    """Return the share of pixels that are within 6 levels of the median colour in each channel.

    It follows EBU Tech 3363's test item for black and plain pictures, but for any colour. A page with a few thin lines
    has 0.95, a plain colour after compression more than 0.999.
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
    """Return the lowest level that at least `share` of the pixels do not exceed."""
    return float(np.searchsorted(np.cumsum(counts), share * counts.sum()))


def _alike(channel: Image.Image) -> npt.NDArray[np.bool_]:
    """Return which pixels are near the median. In uint8, levels below the range wrap around to far above it."""
    median = int(_quantile(np.array(channel.histogram()), 0.5))
    least, most = max(0, median - ALIKE), min(255, median + ALIKE)
    near: npt.NDArray[np.bool_] = np.asarray(channel) - np.uint8(least) <= most - least
    return near


def _half(grey: Grey) -> Grey:
    even = grey[: grey.shape[0] // 2 * 2, : grey.shape[1] // 2 * 2]
    whole: Grey = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    return whole


def _detail(grey: Grey, step: tuple[int, int]) -> Grey:
    """Return the mean square of the second difference along `step` for each of the 8 × 8 tiles."""
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
