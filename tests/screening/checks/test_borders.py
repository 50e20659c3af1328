"""A plain border is cut off, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from screening.checks.borders import trimmed

BORDERS = {
    "letterbox": ((0, 80), "black"),
    "pillars": ((90, 0), "black"),
    "frame": (60, "white"),
    "thin frame": (6, "black"),
    "wide and uneven": ((300, 10, 100, 500), (20, 80, 90)),
}


@pytest.mark.parametrize("name", BORDERS)
@pytest.mark.parametrize("quality", [0, 60])
def test_a_border_is_cut_off(name, quality, lab):
    pixels = lab.photograph(2)
    bordered = ImageOps.expand(Image.fromarray(pixels), *BORDERS[name])
    if quality:
        stream = io.BytesIO()
        bordered.save(stream, "JPEG", quality=quality)
        bordered = Image.open(stream).convert("RGB")
    inner = trimmed(np.asarray(bordered))
    assert inner is not None
    assert np.abs(np.subtract(inner.shape, pixels.shape)).max() <= 12


@pytest.mark.parametrize("seed", range(5))
def test_a_photograph_has_none(seed, lab):
    assert trimmed(lab.photograph(seed)) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (2, 3, 3), (300, 2, 3), (64, 64, 3)])
def test_nothing_is_left_of_a_plain_picture(shape):
    assert trimmed(np.full(shape, 77, np.uint8)) is None


def test_a_word_on_a_page_is_no_picture_in_a_border():
    page = np.full((600, 800, 3), 255, np.uint8)
    page[290:310, 350:450] = 0
    assert trimmed(page) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 700), (700, 5), (33, 47)])
def test_any_shape_is_looked_at(size):
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    inner = trimmed(noise)
    assert inner is None or min(inner.shape) >= 1
