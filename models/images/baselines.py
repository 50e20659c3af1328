"""Compute numbers of picture quality that need no learning, to compare a model with.

They are the product's checks, and one or two well-known numbers for each kind of damage. Each is higher for a worse
picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from models.images.damage import Pixels
from screening.checks.image import IMAGE_CHECKS, TILES, View
from screening.content import Picture

Grey = npt.NDArray[np.float32]
BLOCK = 8  # the side of a JPEG's blocks, in pixels


def laplacian(view: View) -> float:
    """Return the negated variance of the Laplacian (Pech-Pacheco et al. 2000)."""
    return -float(_convolved(_grey(view), ((0, 1, 0), (1, -4, 1), (0, 1, 0))).var())


def blockiness(view: View) -> float:
    """Return how much larger steps are across the borders of blocks than within them, in the worse direction."""
    ratios = []
    for grey in (_grey(view), _grey(view).T):
        steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
        border = np.arange(len(steps)) % BLOCK == BLOCK - 1
        ratios.append(float(steps[border].mean() / (steps[~border].mean() + 1e-3)))
    return max(ratios)


def jpeg_score(view: View) -> float:
    """Return the negated quality score of a JPEG.

    It is that of Wang, Sheikh and Bovik, "No-reference perceptual quality assessment of JPEG compressed images", 2002.
    """
    features = []
    for grey in (_grey(view), _grey(view).T):
        steps = np.diff(grey, axis=1)
        border = np.abs(steps[:, BLOCK - 1 :: BLOCK]).mean()
        active = (BLOCK * np.abs(steps).mean() - border) / (BLOCK - 1)
        crossings = (steps[:, :-1] * steps[:, 1:] < 0).mean()
        features.append((border, active, crossings))
    b, a, z = np.maximum(np.mean(features, axis=0), 1e-3)
    return -float(-245.9 + 261.9 * b**-0.024 * a**0.016 * z**0.0064)


def immerkaer(view: View) -> float:
    """Return the noise as a standard deviation in levels (Immerkær, "Fast noise variance estimation", 1996)."""
    filtered = _convolved(_grey(view), ((1, -2, 1), (-2, 4, -2), (1, -2, 1)))
    return float(np.abs(filtered).mean() * np.sqrt(np.pi / 2) / 6)


def quietest(view: View) -> float:
    """Return the noise in the quietest of 8 × 8 tiles, so that texture is not taken for noise."""
    filtered = np.abs(_convolved(_grey(view), ((1, -2, 1), (-2, 4, -2), (1, -2, 1))))
    rows, columns = filtered.shape[0] // TILES, filtered.shape[1] // TILES
    tiles = filtered[: rows * TILES, : columns * TILES].reshape(TILES, rows, TILES, columns)
    return float(tiles.mean(axis=(1, 3)).min() * np.sqrt(np.pi / 2) / 6)


def darkness(view: View) -> float:
    """Return the negated mean luma."""
    return -float(view.grey.mean())


def brightness(view: View) -> float:
    """Return the mean luma."""
    return float(view.grey.mean())


def _check(name: str) -> Callable[[View], float]:
    check = next(check for check in IMAGE_CHECKS if check.name == name)
    sign = 1 if check.worse == "high" else -1
    return lambda view: sign * check.function(view)


BASELINES: dict[str, dict[str, Callable[[View], float]]] = {
    "blurred": {"check blurred": _check("blurred"), "variance of Laplacian": laplacian},
    "compression_artefacts": {"blockiness": blockiness, "JPEG score (Wang 2002)": jpeg_score},
    "noise": {"noise (Immerkær 1996)": immerkaer, "noise in the quietest tile": quietest},
    "under_exposed": {"check under_exposed": _check("under_exposed"), "mean luma": darkness},
    "over_exposed": {"check over_exposed": _check("over_exposed"), "mean luma": brightness},
}
NUMBERS = [(label, name, function) for label, own in BASELINES.items() for name, function in own.items()]


def numbers(pixels: Pixels) -> list[float]:
    """Return all numbers of a picture, in the order of `NUMBERS`."""
    view = View(Picture(pixels.shape[1], pixels.shape[0], pixels))
    return [function(view) for _, _, function in NUMBERS]


def _grey(view: View) -> Grey:
    """Return the luma at the picture's own resolution, since scaling would remove the evidence."""
    return np.asarray(view.picture.pixels @ np.array((0.299, 0.587, 0.114), np.float32), np.float32)


def _convolved(grey: Grey, kernel: Any) -> Grey:
    height, width = grey.shape[0] - 2, grey.shape[1] - 2
    parts = [
        grey[i : i + height, j : j + width] * np.float32(w)
        for i, row in enumerate(kernel) for j, w in enumerate(row) if w
    ]  # fmt: skip
    total: Grey = np.sum(parts, axis=0)
    return total
