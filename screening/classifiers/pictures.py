"""Pictures to windows: the whole one scaled, or tiles cut from it as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt
from PIL import Image

from screening.classifiers.manifest import Pixels
from screening.records import Evidence, Picture

Rgb = npt.NDArray[np.uint8]
Fed = npt.NDArray[np.uint8 | np.float32]
BLOCK = 8  # pixels of a JPEG


@dataclass(frozen=True, slots=True)
class Tile:
    """A window of a picture, in its pixels."""

    top: int
    left: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}+{self.left}+{self.top}"  # as X11 and ImageMagick write it


def windows(picture: Picture, wanted: Pixels) -> Iterator[tuple[Fed, Evidence]]:
    """What a model is fed of the picture, of shape and type as `Pixels.shape` says, and where it lies.

    Raises ValueError when there are no pixels.
    """
    for seen, place in cut(picture.pixels, wanted):
        yield fed(seen, wanted), place


def cut(pixels: Rgb, wanted: Pixels) -> Iterator[tuple[Rgb, Evidence]]:
    """The windows before they are normalised, uint8 [height, width, channels].

    The whole picture scaled, with no place; or tiles with their places in the decoded picture, which is scaled to fit
    `MAX_SIDE`. With `beside_whole` three more channels are the whole picture, scaled to the tile's size.
    """
    if not pixels.size:
        raise ValueError("no pixels")  # Pillow would scale nothing to black, and black has a score
    if wanted.tiles is None:
        yield scaled(pixels, wanted.size), Evidence()
        return
    whole = scaled(pixels, wanted.size) if wanted.tiles.beside_whole else None
    padded = reflected(pixels, wanted.size)
    for number, tile in enumerate(grid(padded.shape[0], padded.shape[1], wanted.size, wanted.tiles.count)):
        seen = padded[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
        yield seen if whole is None else np.concatenate((seen, whole), axis=2), Evidence(number, note=f"tile {tile}")


def grid(height: int, width: int, size: tuple[int, int], count: int) -> list[Tile]:
    """At most `count` tiles in the middle of as many equal cells: as many as there is room for, none over another.

    Of the grids with most tiles, the one whose cells are nearest to a tile's shape. Row by row. Tiles whose sides are
    multiples of 8 start on multiples of 8, so that the blocks of a JPEG lie the same in each.
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
    """The picture, mirrored at its right and lower edges up to `size` (height, width) where it is smaller."""
    short = [(0, max(0, wanted - has)) for wanted, has in zip(size, pixels.shape, strict=False)]
    return np.pad(pixels, [*short, (0, 0)], mode="symmetric") if any(after for _, after in short) else pixels


def scaled(pixels: Rgb, size: tuple[int, int]) -> Rgb:
    """The picture at `size` (height, width), bicubically."""
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC))


def fed(pixels: Rgb, wanted: Pixels) -> Fed:
    """A window as the model is fed it, of uint8 [height, width, channels]."""
    if wanted.mean is None or wanted.std is None:
        return pixels
    times = pixels.shape[2] // 3
    mean, std = (np.array(values * times, np.float32) for values in (wanted.mean, wanted.std))
    return np.ascontiguousarray(((np.asarray(pixels, np.float32) / 255 - mean) / std).transpose(2, 0, 1))
