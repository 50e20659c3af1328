"""Pictures and texts of known quality, made by code."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from screening.content import Content, Document, Part, Picture, Text

Pixels = npt.NDArray[np.uint8]

NEWS = """The town council voted on Tuesday evening to reopen the old bridge to cyclists, after two years in which it
had been closed for repairs. Engineers told the meeting that the iron arches were in a better state than they feared.
Shopkeepers on the north bank welcomed the decision, since trade had fallen by a third while the detour was in place.
Opponents argued that the money would have been better spent on the school, whose roof has leaked since last winter.
The mayor said that both projects could be afforded and that the work on the roof would begin before the holidays.
A final inspection is planned for the first week of May, and the crossing should be open to everybody by the summer.
"""


@cache
def photograph(seed: int = 0, width: int = 640, height: int = 480) -> Pixels:
    """Sharp shapes over clouds of every size, as in a photograph in focus."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((height, width, 3))
    for size in (4, 8, 16, 32, 64, 128, 256):
        layer = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
        scaled = Image.fromarray(layer).resize((width, height), Image.Resampling.BICUBIC)
        canvas += np.asarray(scaled, float) / size
    canvas = (canvas - canvas.min()) / (canvas.max() - canvas.min()) * 255
    rows, columns = np.mgrid[:height, :width]
    for _ in range(25):
        top, left, reach = random.integers(height), random.integers(width), random.integers(10, 90)
        shape = (rows - top) ** 2 + (columns - left) ** 2 < reach**2
        if random.integers(2):
            shape = (abs(rows - top) < reach) & (abs(columns - left) < reach // 2)
        canvas[shape] = canvas[shape] * 0.3 + random.integers(0, 256, 3) * 0.7
    pixels = canvas.astype(np.uint8)
    pixels.flags.writeable = False
    return pixels


def as_picture(pixels: Pixels, width: int = 0, height: int = 0) -> Picture:
    return Picture(width or pixels.shape[1], height or pixels.shape[0], np.ascontiguousarray(pixels))


def document(*contents: Content) -> Document:
    """What an upload decodes to whose main parts are these, at the places `main 1`, `main 2` and so on."""
    return Document("", tuple(Part(f"main {i}", "main", content) for i, content in enumerate(contents, 1)))


def text_alone(text: str) -> Document:
    return document(Text(text))


def picture_alone(pixels: Pixels, width: int = 0, height: int = 0) -> Document:
    return document(as_picture(pixels, width, height))


def defocused(pixels: Pixels, radius: float) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def moved(pixels: Pixels, steps: int, down: int, right: int) -> Pixels:
    """The mean of the picture at `steps` places along a line, as a shaken camera sees it."""
    total = sum(np.roll(pixels.astype(float), (step * down, step * right), (0, 1)) for step in range(steps))
    return np.asarray(total / steps).round().astype(np.uint8)


def exposed(pixels: Pixels, stops: float) -> Pixels:
    """The picture with its exposure changed, in linear light."""
    light = np.clip((pixels / 255.0) ** 2.2 * 2.0**stops, 0, 1)
    return (light ** (1 / 2.2) * 255).round().astype(np.uint8)


@pytest.fixture(scope="session")
def lab() -> type:
    """The helpers above."""

    class Lab:
        news = NEWS

    for helper in (photograph, as_picture, document, text_alone, picture_alone, defocused, moved, exposed):
        setattr(Lab, helper.__name__, staticmethod(helper))
    return Lab
