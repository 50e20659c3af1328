"""Turn pictures into windows: the whole picture, scaled, or tiles of it, which are not scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt
from PIL import Image

from screening.classifiers.manifest import Pixels
from screening.content import Picture
from screening.records import Evidence

Rgb = npt.NDArray[np.uint8]
Fed = npt.NDArray[np.uint8 | np.float32]
BLOCK = 8  # the side of a JPEG's blocks, in pixels


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}+{self.left}+{self.top}"  # as X11 and ImageMagick write it


def windows(picture: Picture, wanted: Pixels) -> Iterator[tuple[Fed, Evidence]]:
    """Yield what a model is fed of the picture, shaped as `Pixels.shape` says, and the place of each window.

    Raises ValueError if the picture has no pixels.
    """
    for seen, place in cut(picture.pixels, wanted):
        yield fed(seen, wanted), place


def cut(pixels: Rgb, wanted: Pixels) -> Iterator[tuple[Rgb, Evidence]]:
    """Yield the windows before they are normalised, uint8 [height, width, channels], each with its place.

    There is one window, the whole picture scaled, with no place; or there are tiles, with their places in the decoded
    picture (which was scaled to fit `MAX_SIDE`). With `beside_whole` three more channels hold the whole picture, scaled
    to the tile's size. Raises ValueError if there are no pixels.
    """
    if not pixels.size:
        raise ValueError("no pixels")  # else Pillow would make a black picture of nothing, and black has a score
    if wanted.tiles is None:
        yield scaled(pixels, wanted.size), Evidence()
        return
    whole = scaled(pixels, wanted.size) if wanted.tiles.beside_whole else None
    padded = reflected(pixels, wanted.size)
    for number, tile in enumerate(grid(padded.shape[0], padded.shape[1], wanted.size, wanted.tiles.count)):
        seen = padded[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
        yield seen if whole is None else np.concatenate((seen, whole), axis=2), Evidence(number, note=f"tile {tile}")


def grid(height: int, width: int, size: tuple[int, int], count: int) -> list[Tile]:
    """Return up to `count` tiles, row by row: as many as there is room for without overlap.

    Each tile is in the middle of one cell of a grid of equal cells. Of the grids with the most tiles, the one is taken
    whose cells are nearest to a tile's shape. Tiles whose sides are multiples of 8 start at multiples of 8, so that the
    blocks of a JPEG are at the same places in each.
    """
    rows, columns = max(1, height // size[0]), max(1, width // size[1])
    shapes = [(r, min(columns, count // r)) for r in range(1, min(rows, count) + 1)]

    def rank(shape: tuple[int, int]) -> tuple[int, float]:
        down, across = height / shape[0] / size[0], width / shape[1] / size[1]
        return shape[0] * shape[1], -max(down / across, across / down)

    down, across = max(shapes, key=rank)
    tops = _starts(height, down, size[0])
    lefts = _starts(width, across, size[1])
    return [Tile(top, left, *size) for top in tops for left in lefts]


def _starts(length: int, count: int, size: int) -> list[int]:
    step = gcd(size, BLOCK)
    return [((2 * i + 1) * length // (2 * count) - size // 2) // step * step for i in range(count)]


def reflected(pixels: Rgb, size: tuple[int, int]) -> Rgb:
    """Return the picture; one smaller than `size` (height, width) is mirrored at its right and lower edges."""
    short = [(0, max(0, wanted - has)) for wanted, has in zip(size, pixels.shape, strict=False)]
    return np.pad(pixels, [*short, (0, 0)], mode="symmetric") if any(after for _, after in short) else pixels


def scaled(pixels: Rgb, size: tuple[int, int]) -> Rgb:
    """Return the picture scaled to `size` (height, width), with bicubic interpolation."""
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))


def fed(pixels: Rgb, wanted: Pixels) -> Fed:
    """Return a window, uint8 [height, width, channels], in the shape and type that the model is fed."""
    if wanted.mean is None or wanted.std is None:
        return pixels
    times = pixels.shape[2] // 3
    mean, std = (np.array(values * times, np.float32) for values in (wanted.mean, wanted.std))
    return np.ascontiguousarray(((np.asarray(pixels, np.float32) / 255 - mean) / std).transpose(2, 0, 1))
