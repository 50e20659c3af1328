"""Damaged pictures score worse than good ones, whatever the subject and the size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from screening.checks import run_checks

SEEDS = range(6)


def score(label, pixels, lab, **size):
    return next(signal.score for signal in run_checks(lab.picture_alone(pixels, **size)) if signal.label == label)


def test_resolution_is_that_of_the_upload(lab):
    assert score("low_resolution", lab.photograph(), lab, width=4000, height=3000) == 3000


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scale", [0.5, 1, 1.6])
def test_blur_shows_at_every_size(seed, scale, lab):
    sharp = lab.photograph(seed, int(640 * scale), int(480 * scale))
    assert score("blurred", sharp, lab) > 0.3
    for radius in (2.5, 4, 8):
        assert score("blurred", lab.defocused(sharp, radius * max(1, scale)), lab) < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_motion_in_any_direction_is_blur(seed, way, lab):
    sharp = lab.photograph(seed)
    assert score("blurred", lab.moved(sharp, 14, *way), lab) < score("blurred", sharp, lab) * 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_and_compression_do_not_hide_blur(seed, lab):
    blurred = lab.defocused(lab.photograph(seed), 3.5)
    noisy = blurred + np.random.default_rng(seed).normal(0, 3, blurred.shape)
    assert score("blurred", np.clip(noisy, 0, 255).astype(np.uint8), lab) < 0.3


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_detail_is_not_called_blurred(level, lab):
    assert score("blurred", np.full((300, 400, 3), level, np.uint8), lab) == 1


def test_contrast_is_not_sharpness(lab):
    sharp = lab.photograph(3)
    faint = (sharp * 0.4 + 80).astype(np.uint8)
    assert score("blurred", faint, lab) == pytest.approx(score("blurred", sharp, lab), rel=0.25)


@pytest.mark.parametrize("seed", SEEDS)
def test_exposure(seed, lab):
    good = lab.photograph(seed)
    assert score("under_exposed", good, lab) > 150
    assert score("over_exposed", good, lab) < 0.05
    assert score("under_exposed", lab.exposed(good, -4), lab) < 100
    assert score("over_exposed", lab.exposed(good, 4), lab) > 0.3


def test_a_night_with_lights_is_not_under_exposed(lab):
    night = lab.exposed(lab.photograph(1), -5)
    night[100:140, 200:300] = 230
    assert score("under_exposed", night, lab) > 150


def test_a_drawing_on_white_paper_is_not_over_exposed(lab):
    paper = np.full((400, 400, 3), 255, np.uint8)
    paper[150:160, 50:350] = 20
    assert score("over_exposed", paper, lab) == 0


def test_blank(lab):
    plain = np.full((300, 400, 3), (40, 90, 160), np.uint8)
    noisy = plain + np.random.default_rng(0).integers(0, 4, plain.shape, dtype=np.uint8)
    page = plain.copy()
    page[40:60, 40:360] = 250
    assert score("blank", plain, lab) == 1
    assert score("blank", noisy, lab) > 0.999
    assert score("blank", page, lab) < 0.96
    assert score("blank", lab.photograph(), lab) < 0.3


@pytest.mark.slow
def test_scores_hardly_depend_on_the_size_that_was_kept(lab):
    large = lab.photograph(2, 1024, 768)
    small = np.asarray(Image.fromarray(large).resize((512, 384), Image.Resampling.BOX))
    for label in ("blurred", "under_exposed", "over_exposed", "blank"):
        assert score(label, large, lab) == pytest.approx(score(label, small, lab), rel=0.01, abs=0.01)
