"""Compute PDQ, a perceptual hash of images, in numpy.

It is from Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm", 2019. Its Jarosz
filter (a box filter applied twice) and its sampling are linear and separable, so both together are one weighted sum
along the rows and one along the columns.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

SAMPLES = 64  # per side of the picture that is hashed
FREQUENCIES = 16  # per side of the part of its cosine transform that makes the hash
LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
# What was done to the original of each hash that `pdq_turned` returns; turns are clockwise.
TURNS = (
    "", "mirrored", "upside down and mirrored", "turned by 180°",
    "turned by 90° and mirrored", "turned by 270°", "turned by 90°", "turned by 270° and mirrored",
)  # fmt: skip
GRADIENT_SCALE = 90  # scales gradients to a quality; an empirical value of the paper


def pdq(pixels: npt.NDArray[np.uint8]) -> tuple[bytes, int]:
    """Return the 256-bit PDQ hash and the quality, 0 to 100, of RGB `pixels` (h, w, 3).

    The bytes are in the order of the reference's hexadecimal form. Below quality 50 a hash says little.
    """
    cosines, quality = _transform(pixels)
    return _hash(cosines), quality


def pdq_turned(pixels: npt.NDArray[np.uint8]) -> tuple[dict[str, bytes], int]:
    """Return the hashes of the picture set upright from each of the eight orientations of `TURNS`, and the quality.

    All come from one transform: to mirror a picture changes the sign of every second frequency of one direction, and
    to transpose it exchanges the directions.
    """
    cosines, quality = _transform(pixels)
    sign = (-1.0) ** np.arange(1, FREQUENCIES + 1)
    across, down = cosines * sign, cosines * sign[:, None]
    both = across * sign[:, None]
    turned = (cosines, across, down, both, cosines.T, down.T, across.T, both.T)
    return {how: _hash(each) for how, each in zip(TURNS, turned, strict=True)}, quality


def _transform(pixels: npt.NDArray[np.uint8]) -> tuple[Matrix, int]:
    luma = sum(pixels[..., channel] * weight for channel, weight in enumerate(LUMA))
    samples = _sample(_sample(luma).T).T
    return _cosines() @ samples @ _cosines().T, _quality(samples)


def _hash(cosines: Matrix) -> bytes:
    ranks = np.sort(cosines, axis=None)
    bits = cosines > ranks[(cosines.size - 1) // 2]  # the lower median, as in the reference
    return np.packbits(bits.reshape(-1)[::-1]).tobytes()


def _quality(samples: Matrix) -> int:
    steps = (np.trunc(np.diff(samples, axis=axis) * 100 / 255) for axis in (0, 1))
    return min(100, int(sum(float(np.abs(step).sum()) for step in steps) / GRADIENT_SCALE))


def _sample(lines: Matrix) -> Matrix:
    """Return (64, n) from (size, n): each sample is the weighted sum of the lines around it.

    This is not a matrix product, because BLAS would start its threads in every thread that hashes.
    """
    places, weights = _sampler(lines.shape[0])
    sums: Matrix = np.einsum("sl,sln->sn", weights, lines[places])
    return sums


@lru_cache(maxsize=256)
def _sampler(size: int) -> tuple[npt.NDArray[np.intp], Matrix]:
    """Return places and weights, both (64, l): the box filter applied twice, at the middles of 64 equal parts."""
    window = -(-size // (2 * SAMPLES))
    ahead, behind = (window + 2) // 2 - 1, window - (window + 2) // 2
    near = np.arange(size)
    box = (near >= near[:, None] - behind) & (near <= near[:, None] + ahead)
    filtered = box / box.sum(axis=1, keepdims=True)
    middles = ((np.arange(SAMPLES) + 0.5) * size / SAMPLES).astype(int)
    dense = filtered[middles] @ filtered
    reach = min(size, 2 * (ahead + behind) + 1)
    first = np.minimum((dense > 0).argmax(axis=1), size - reach)
    places = first[:, None] + np.arange(reach)
    return places, np.take_along_axis(dense, places, axis=1)


@lru_cache(maxsize=1)
def _cosines() -> Matrix:
    """Return (16, 64): the rows of the discrete cosine transform that make the hash, without the constant one."""
    rows, columns = np.ogrid[1 : FREQUENCIES + 1, 0:SAMPLES]
    basis: Matrix = np.cos(np.pi / (2 * SAMPLES) * rows * (2 * columns + 1))
    return math.sqrt(2 / SAMPLES) * basis
