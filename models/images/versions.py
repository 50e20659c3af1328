"""Damaged versions of photographs, the same for the same seeds, and what they teach."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.images.damage import HIDDEN_BY, Pixels, damage
from models.images.recipe import ImageRecipe

TRACE = 0.15  # probability of each other damage to be there too weakly to count
WORST = 1.25  # severity up to which training goes
SHARE = (0.45, 0.9)  # of a photograph's sides that a version has
CROPPED = 0.3  # probability in training
MEASURED = (0.5, 0.75, 1.0)  # severities
OPPOSITES = {"under_exposed": "over_exposed", "over_exposed": "under_exposed"}
UNTOUCHED, MIXED = 3, 6  # versions that are measured: one as it is and two with traces; of several damages


@dataclass(frozen=True)
class Version:
    """A picture and what was done to it: `strengths` by damage; `kind` is the damage, "fine" or "mixed".

    When it was `cropped` after that, an encoder's blocks no longer lie on multiples of 8.
    """

    kind: str
    strengths: dict[str, float]
    pixels: Pixels
    cropped: bool = False


def chance_of(recipe: ImageRecipe, *path: object) -> np.random.Generator:
    """The random numbers of one thing: they follow from the recipe's seed and its name, whatever else is drawn."""
    return np.random.default_rng([recipe.training.seed, *(zlib.crc32(str(part).encode()) for part in path)])


def targets(recipe: ImageRecipe, strengths: dict[str, float]) -> npt.NDArray[np.float32]:
    """Severity 0..1 of each label, float32 [labels]; NaN where nobody can tell.

    Of a label with several damages the worst; over all, 1 - Π (1 - severity).
    """
    worst = dict.fromkeys(recipe.kinds, 0.0)
    severities = {kind: ramp.severity(strengths.get(kind, 0.0)) for kind, ramp in recipe.damages.items()}
    for kind, ramp in recipe.damages.items():
        worst[ramp.label] = max(worst[ramp.label], severities[kind])
    overall = 1 - float(np.prod([1 - severity for severity in worst.values()]))
    for kind, hiders in HIDDEN_BY.items():
        if severities.get(kind) and any(severities.get(hider) for hider in hiders):
            worst[recipe.damages[kind].label] = np.nan
    return np.array([*worst.values(), overall], np.float32)


def some_strengths(recipe: ImageRecipe, chance: np.random.Generator, count: int | None = None) -> dict[str, float]:
    """Damages of `count` labels (none, one or two if not told), and traces of others."""
    count = int(chance.choice(3, p=(0.25, 0.5, 0.25))) if count is None else count
    labels = list(chance.choice(recipe.kinds, min(count, len(recipe.kinds)), replace=False))
    labels = [label for k, label in enumerate(labels) if OPPOSITES.get(label) not in labels[:k]]
    chosen = {str(chance.choice([k for k, r in recipe.damages.items() if r.label == label])) for label in labels}
    strengths = {}
    for kind, ramp in recipe.damages.items():
        if kind in chosen:
            strengths[kind] = ramp.strength(chance.uniform(0, WORST))
        elif chance.random() < TRACE and OPPOSITES.get(ramp.label) not in labels:
            strengths[kind] = chance.uniform(0, ramp.mild)
    return strengths


def developed(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """Another undamaged picture of it: cropped or scaled down, turned, mirrored, a little lighter or darker."""
    image, share = Image.fromarray(pixels), chance.uniform(*SHARE)
    size = (round(image.width * share), round(image.height * share))
    if chance.random() < 0.5:
        image = image.resize(size, Image.Resampling.HAMMING)
    else:
        left, top = (int(chance.integers(0, has - part + 1)) for has, part in zip(image.size, size, strict=True))
        image = image.crop((left, top, left + size[0], top + size[1]))
    if turn := int(chance.integers(8)):
        image = image.transpose(Image.Transpose(turn - 1))
    gamma, gains = chance.uniform(0.85, 1.15), chance.uniform(0.93, 1.0, 3)
    curve = (np.arange(256) / 255) ** gamma * 255
    return np.asarray(image.point([round(float(gain * value)) for gain in gains for value in curve]))


def cropped(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """Without up to 7 columns on the left and rows at the top, at least one of either."""
    top, left = (int(n) for n in chance.integers(1, 8, 2))
    return pixels[top:, left:]


def training_version(recipe: ImageRecipe, pixels: Pixels, drawing: bool, chance: np.random.Generator) -> Version:
    """One picture to train on; drawings keep but traces."""
    strengths = some_strengths(recipe, chance, 0 if drawing else None)
    made = damage(developed(pixels, chance), strengths, chance)
    cut = bool(chance.random() < CROPPED)
    return Version("mixed", strengths, cropped(made, chance) if cut else made, cut)


def measured_versions(recipe: ImageRecipe, name: str, pixels: Pixels, drawing: bool) -> Iterator[Version]:
    """What a photograph is measured on: as it is, with traces, each damage at each severity, several at once.

    Then all of them again, cropped.
    """
    made = list(_measured(recipe, name, pixels, drawing))
    yield from made
    for number, version in enumerate(made):
        yield replace(version, pixels=cropped(version.pixels, chance_of(recipe, "crop", name, number)), cropped=True)


def _measured(recipe: ImageRecipe, name: str, pixels: Pixels, drawing: bool) -> Iterator[Version]:
    for number in range(UNTOUCHED):
        chance = chance_of(recipe, "fine", name, number)
        strengths = some_strengths(recipe, chance, 0) if number else {}
        yield Version("fine", strengths, damage(pixels, strengths, chance))
    if drawing:
        return
    for kind, ramp in recipe.damages.items():
        for severity in MEASURED:
            chance = chance_of(recipe, kind, name, severity)
            strengths = {kind: ramp.strength(severity)}
            yield Version(kind, strengths, damage(pixels, strengths, chance))
    for number in range(MIXED):
        chance = chance_of(recipe, "mixed", name, number)
        strengths = some_strengths(recipe, chance, 2)
        yield Version("mixed", strengths, damage(pixels, strengths, chance))
