"""PDQ, the perceptual hash of images (Facebook, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing
algorithm", 2019), in numpy.

Its filter and its sampling are linear and separable, so both are one matrix for the rows and one for the columns.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

SAMPLES = 64  # a side of the picture as it is hashed
FREQUENCIES = 16  # a side of the part of its cosine transform that makes the hash
PASSES = 2  # of the Jarosz (box) filter
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
GRADIENT_SCALE = 90  # of the quality, by the paper's experience


def pdq(pixels: npt.NDArray[np.uint8]) -> tuple[bytes, int]:
    """The 256-bit PDQ hash and the quality, 0..100, of RGB `pixels` (h, w, 3).

    Bytes stand in the order of the reference's hexadecimal. Below quality 50 a hash says little.
    """
    luma = pixels @ np.array(LUMA)
    samples = _sampler(luma.shape[0]) @ luma @ _sampler(luma.shape[1]).T
    cosines = _cosines() @ samples @ _cosines().T
    ranks = np.sort(cosines, axis=None)
    bits = cosines > ranks[(cosines.size - 1) // 2]  # the lower median, as the reference's
    return np.packbits(bits.reshape(-1)[::-1]).tobytes(), _quality(samples)


def _quality(samples: Matrix) -> int:
    steps = (np.trunc(np.diff(samples, axis=axis) * 100 / 255) for axis in (0, 1))
    return min(100, int(sum(float(np.abs(step).sum()) for step in steps) / GRADIENT_SCALE))


@lru_cache(maxsize=256)
def _sampler(size: int) -> Matrix:
    """(64, size): the box filter twice over, then the middles of 64 equal parts."""
    window = -(-size // (2 * SAMPLES))
    ahead, behind = (window + 2) // 2 - 1, window - (window + 2) // 2
    places = np.arange(size)
    low, high = np.maximum(places - behind, 0), np.minimum(places + ahead, size - 1)
    box = (places >= low[:, None]) & (places <= high[:, None])
    filtered = box / box.sum(axis=1, keepdims=True)
    middles = ((np.arange(SAMPLES) + 0.5) * size / SAMPLES).astype(int)
    rows: Matrix = filtered[middles]
    for _ in range(PASSES - 1):
        rows = rows @ filtered
    return rows


@lru_cache(maxsize=1)
def _cosines() -> Matrix:
    """(16, 64): the rows of the discrete cosine transform that make the hash, without the constant one."""
    rows, columns = np.ogrid[1 : FREQUENCIES + 1, 0:SAMPLES]
    basis: Matrix = np.cos(np.pi / (2 * SAMPLES) * rows * (2 * columns + 1))
    return math.sqrt(2 / SAMPLES) * basis
