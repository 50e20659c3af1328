"""Our PDQ is the reference's: golden hashes are of pdqhash 0.2.8 (the reference's own C++) on pictures made here."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from screening.checks.hashes import MAX_DISTANCE, MIN_QUALITY, pdq
from screening.content.pdq import TURNS, pdq_turned
from tests.screening.checks.conftest import photograph

GOLDEN = json.loads(Path(__file__).with_name("pdq_golden.json").read_text())


def blocks(seed: int, height: int, width: int, divisor: int) -> np.ndarray:
    """Random blocks of several sizes on top of each other, in whole numbers only, their contrast divided."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.int64)
    for cells in (2, 5, 11, 23):
        values = random.integers(0, 64, (cells, cells, 3))
        total += values[np.arange(height)[:, None] * cells // height, np.arange(width)[None, :] * cells // width]
    return (total // divisor).astype(np.uint8)


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: "{seed}-{height}x{width}".format(**golden))
def test_as_the_reference(golden):
    hashed, quality = pdq(blocks(golden["seed"], golden["height"], golden["width"], golden["divisor"]))
    assert distance(hashed, bytes.fromhex(golden["hash"])) <= 2
    assert abs(quality - golden["quality"]) <= 1


@pytest.mark.parametrize("seed", range(8))
def test_a_copy_stays_within_the_threshold(seed):
    original = photograph(seed)
    hashed, quality = pdq(original)
    assert quality >= MIN_QUALITY
    image = Image.fromarray(original)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=40)
    copies = [
        image.resize((320, 240)),
        image.resize((1024, 768)),
        image.resize((500, 500)),
        Image.open(stream),
        image.convert("L").convert("RGB"),
        image.point(lambda value: int(value * 0.8)),
    ]
    assert [distance(hashed, pdq(np.asarray(copy))[0]) for copy in copies] == pytest.approx([0] * 6, abs=MAX_DISTANCE)


@pytest.mark.parametrize("seed", range(3))
def test_upright_is_the_first_of_the_turned_hashes(seed):
    (hashed, quality), (turned, same) = pdq(photograph(seed)), pdq_turned(photograph(seed))
    assert (turned[""], same) == (hashed, quality)
    assert tuple(turned) == TURNS
    assert len(set(turned.values())) == 8


def test_other_pictures_are_far_away():
    hashes = [pdq(photograph(seed))[0] for seed in range(8)]
    apart = [distance(one, other) for place, one in enumerate(hashes) for other in hashes[:place]]
    assert min(apart) > 3 * MAX_DISTANCE


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (7, 3, 3), (64, 64, 3), (1024, 1, 3)])
def test_any_shape_has_a_hash(shape):
    hashed, quality = pdq(np.full(shape, 77, np.uint8))
    assert len(hashed) == 32
    assert quality == 0
