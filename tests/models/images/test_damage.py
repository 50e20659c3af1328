"""Damage is what it says, and so are its targets, its versions and the plain numbers that a model has to beat."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.images.conftest import STRENGTHS, psnr, recipe_of, scene

pytestmark = pytest.mark.train


def test_every_damage_is_measured_here():
    from models.images.damage import DAMAGES

    assert set(STRENGTHS) == set(DAMAGES)


@pytest.mark.parametrize("kind", STRENGTHS)
def test_more_of_a_damage_is_further_from_the_original(kind):
    from models.images.damage import damage

    for seed in (1, 2):
        original = scene(seed)
        seen = [damage(original, {kind: s}, np.random.default_rng(5)) for s in STRENGTHS[kind]]
        assert all(made.shape == original.shape and made.dtype == np.uint8 for made in seen)
        distances = [psnr(original, made) for made in seen]
        assert distances == sorted(distances, reverse=True)
        assert len(set(distances)) == len(distances)


def test_no_strength_is_no_damage_and_the_same_seed_the_same_damage():
    from models.images.damage import DAMAGES, damage

    original = scene(1)
    assert np.array_equal(damage(original, dict.fromkeys(DAMAGES, 0.0), np.random.default_rng(1)), original)
    strengths = {kind: s[1] for kind, s in STRENGTHS.items()}
    one, two, other = (damage(original, strengths, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_exposure_is_in_stops_of_light():
    from models.images.damage import damage, linear

    grey = np.full((8, 8, 3), 128, np.uint8)
    for kind, factor in (("under_exposed", 0.5), ("over_exposed", 2)):
        made = damage(grey, {kind: 1}, np.random.default_rng(1))
        light = linear(np.array([128, made[0, 0, 0]], np.float32) / 255)
        assert light[1] / light[0] == pytest.approx(factor, rel=0.02)


def test_a_blur_moves_no_light_and_reaches_as_far_as_it_says():
    from models.images.damage import defocus

    point = np.zeros((21, 21, 3), np.float32)
    point[10, 10] = 1
    made = defocus(point, 4, np.random.default_rng(1))
    assert made.sum() == pytest.approx(3, rel=1e-3)
    assert made[10, 6, 0] > 0.005
    assert made[10, 15].max() < 1e-4


def test_targets_rise_with_strength_and_are_unknown_where_noise_is_hidden(document, tmp_path):
    from models.images.versions import targets

    document["damages"]["jpeg"] = {"label": "compression_artefacts", "mild": 50, "strong": 90}
    recipe = recipe_of(document, tmp_path)
    assert recipe.labels == ("noise", "under_exposed", "compression_artefacts", "low_quality")
    assert targets(recipe, {}).tolist() == [0, 0, 0, 0]
    assert targets(recipe, {"gaussian_noise": 5, "jpeg": 50}).tolist() == [0, 0, 0, 0], "mild is no damage"
    assert targets(recipe, {"gaussian_noise": 15, "under_exposed": 2}).tolist() == [0.5, 0.5, 0, 0.75]
    assert targets(recipe, {"jpeg": 95}).tolist() == [0, 0, 1, 1]
    hidden = targets(recipe, {"gaussian_noise": 25, "jpeg": 70})
    assert np.isnan(hidden[0])
    assert hidden[1:].tolist() == [0, 0.5, 1]


def test_versions_to_measure_are_the_same_every_time_and_come_again_cropped(recipe):
    from models.images.versions import measured_versions

    one, two = (list(measured_versions(recipe, "x", scene(1), False)) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) and a.strengths == b.strengths for a, b in zip(one, two, strict=True))
    whole, cropped = one[: len(one) // 2], one[len(one) // 2 :]
    assert not any(version.cropped for version in whole)
    assert np.array_equal(whole[0].pixels, scene(1))
    for before, after in zip(whole, cropped, strict=True):
        height, width = after.pixels.shape[:2]
        assert (after.cropped, after.strengths) == (True, before.strengths)
        assert height % 8 or width % 8
        assert np.array_equal(after.pixels, before.pixels[-height:, -width:])
    drawing = list(measured_versions(recipe, "x", scene(1), True))
    assert {version.kind for version in drawing} == {"fine"}


@pytest.mark.parametrize(("label", "kind"), [
    ("blurred", "defocus"), ("compression_artefacts", "jpeg"), ("noise", "gaussian_noise"),
    ("under_exposed", "under_exposed"), ("over_exposed", "over_exposed"),
])  # fmt: skip
def test_the_numbers_to_beat_are_worth_beating(label, kind):
    from models.images.baselines import NUMBERS, numbers
    from models.images.damage import damage

    original = scene(3, 256)
    damaged = damage(original, {kind: STRENGTHS[kind][2]}, np.random.default_rng(1))
    for (of, name, _), before, after in zip(NUMBERS, numbers(original), numbers(damaged), strict=True):
        assert of != label or after > before, name
