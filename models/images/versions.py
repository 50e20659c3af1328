"""Make damaged versions of photographs, the same for the same seed, and the targets that they teach."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.images.damage import HIDDEN_BY, Pixels, damage
from models.images.recipe import ImageRecipe

TRACE = 0.15  # the probability that another damage is there too, too weak to count
WORST = 1.25  # the highest severity in training
SHARE = (0.45, 0.9)  # the least and most of a photograph's sides that a version keeps
CROPPED = 0.3  # the probability of a crop in training
MEASURED = (0.5, 0.75, 1.0)  # the severities that are measured
OPPOSITES = {"under_exposed": "over_exposed", "over_exposed": "under_exposed"}
UNTOUCHED, MIXED = 3, 6  # measured versions: one as it is and two with traces; and those with several damages


@dataclass(frozen=True)
class Version:
    """A picture and what was done to it: `strengths` by damage; `kind` is the damage, "fine" or "mixed".

    If it was `cropped` after that, an encoder's blocks no longer start at multiples of 8.
    """

    kind: str
    strengths: dict[str, float]
    pixels: Pixels
    cropped: bool = False


def chance_of(recipe: ImageRecipe, *path: object) -> np.random.Generator:
    """Return the random numbers of the thing that `path` names; they follow from that and the recipe's seed only."""
    return np.random.default_rng([recipe.training.seed, *(zlib.crc32(str(part).encode()) for part in path)])


def targets(recipe: ImageRecipe, strengths: dict[str, float]) -> npt.NDArray[np.float32]:
    """Return the severity 0..1 of each label, float32 [labels]; NaN if nobody can tell.

    A label with several damages gets the worst of them; the overall label gets 1 - Π (1 - severity).
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
    """Return strengths for damages of `count` labels (by default none, one or two), and traces of others."""
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
    """Return another undamaged picture of it: cropped or scaled down, turned, mirrored, slightly lighter or darker."""
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
    """Return the picture without its first 1 to 7 columns and its first 1 to 7 rows."""
    top, left = (int(n) for n in chance.integers(1, 8, 2))
    return pixels[top:, left:]


def training_version(recipe: ImageRecipe, pixels: Pixels, drawing: bool, chance: np.random.Generator) -> Version:
    """Return one picture to train on; drawings get traces of damage only."""
    strengths = some_strengths(recipe, chance, 0 if drawing else None)
    made = damage(developed(pixels, chance), strengths, chance)
    cut = bool(chance.random() < CROPPED)
    return Version("mixed", strengths, cropped(made, chance) if cut else made, cut)


def measured_versions(recipe: ImageRecipe, name: str, pixels: Pixels, drawing: bool) -> Iterator[Version]:
    """Yield the versions that a photograph is measured on; at the end come all of them again, cropped.

    They are the photograph as it is, with traces, with each damage at each severity, and with several damages at once.
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
