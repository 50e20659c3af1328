"""Tiles are cut as they are, cover the picture evenly, never lie over another, and are the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.classifiers.manifest import Pixels, Tiles
from screening.classifiers.pictures import grid, windows
from screening.content import Picture
from screening.records import Evidence

sides = st.integers(1, 300)
sizes = st.tuples(st.integers(1, 64), st.integers(1, 64))


def picture(pixels: np.ndarray) -> Picture:
    return Picture(pixels.shape[1], pixels.shape[0], pixels)


def plan(size: tuple[int, int], tiles: Tiles | None = None, **changes) -> Pixels:
    return Pixels(**{"size": size, "mean": (0, 0, 0), "std": (1, 1, 1), "tiles": tiles, **changes})


def places(height: int, width: int) -> np.ndarray:
    """A picture each of whose pixels says where it lies."""
    down, across = np.mgrid[:height, :width]
    return np.stack((down // 2, across // 2, down % 2 * 2 + across % 2), axis=2).astype(np.uint8)


def test_a_whole_picture_is_scaled_and_normalised_as_the_bundle_says():
    half = np.zeros((10, 20, 3), np.uint8)
    half[:, :10] = (255, 0, 51)
    [(made, place)] = windows(picture(half), plan((4, 8), mean=(0.5, 0, 0.2), std=(0.5, 1, 2)))
    assert (made.shape, made.dtype, place) == ((3, 4, 8), np.float32, Evidence())
    assert made[:, 0, 0] == pytest.approx([1, 0, 0], abs=1e-6)
    assert made[:, 3, 7] == pytest.approx([-1, 0, -0.1], abs=1e-6)


@given(sides, sides, sizes, st.integers(1, 30))
def test_tiles_lie_inside_and_apart_and_are_as_many_as_fit(height, width, size, count):
    height, width = max(height, size[0]), max(width, size[1])
    tiles = grid(height, width, size, count)
    seen = np.zeros((height, width), int)
    for tile in tiles:
        assert 0 <= tile.top <= height - size[0]
        assert 0 <= tile.left <= width - size[1]
        seen[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert seen.max() == 1
    assert seen.sum() == len(tiles) * size[0] * size[1]
    rows, columns = height // size[0], width // size[1]
    grids = {r * c for r in range(1, rows + 1) for c in range(1, min(columns, count) + 1)}
    assert len(tiles) == max(n for n in grids if n <= count)


@given(sides, sides, st.integers(1, 30))
def test_a_turned_picture_has_the_turned_grid(height, width, count):
    height, width = max(height, 16), max(width, 16)
    assert len(grid(height, width, (16, 16), count)) == len(grid(width, height, (16, 16), count))


def test_cells_are_as_square_as_the_tiles():
    assert [str(tile) for tile in grid(512, 512, (96, 96), 4)] == [
        "96x96+80+80", "96x96+336+80", "96x96+80+336", "96x96+336+336",
    ]  # fmt: skip
    assert {tile.top for tile in grid(200, 1000, (96, 96), 4)} == {48}, "one row for a panorama"


@given(sides, sides, st.integers(1, 30))
def test_blocks_of_a_jpeg_lie_the_same_in_each_tile(height, width, count):
    tiles = grid(max(height, 24), max(width, 16), (24, 16), count)
    assert all(tile.top % 8 == tile.left % 8 == 0 for tile in tiles)


@given(st.integers(8, 200), st.integers(8, 200), st.integers(1, 12))
def test_tiles_hold_the_pixels_of_the_place_that_they_name(height, width, count):
    pixels = places(height, width)
    for made, place in windows(picture(pixels), plan((8, 8), Tiles(count=count))):
        left, top = (int(part) for part in place.note.removeprefix("tile 8x8+").split("+"))
        seen = pixels[top : top + 8, left : left + 8].transpose(2, 0, 1)
        assert np.array_equal(np.rint(made * 255), seen)


@given(st.integers(1, 7), st.integers(1, 40))
def test_a_picture_smaller_than_a_tile_is_mirrored(height, width):
    pixels = places(height, width)
    [(made, place), *_] = windows(picture(pixels), plan((8, 48), Tiles(count=3)))
    assert made.shape == (3, 8, 48)
    assert place == Evidence(window=0, note="tile 48x8+0+0")
    got = np.rint(made * 255).transpose(1, 2, 0).astype(np.uint8)
    assert np.array_equal(got[:height, :width], pixels)
    assert np.array_equal(got[height : 2 * height, :width], pixels[::-1][: 8 - height]), "mirrored, edge repeated"


def test_the_whole_picture_lies_beside_each_tile():
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    tiled = plan((16, 16), Tiles(count=4, beside_whole=True), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    [(whole, _)] = windows(picture(pixels), tiled.model_copy(update={"tiles": None}))
    made = [array for array, _ in windows(picture(pixels), tiled)]
    assert [array.shape for array in made] == [tiled.shape] * 4 == [(6, 16, 16)] * 4
    assert all(np.array_equal(array[3:], whole) for array in made)
    assert not np.array_equal(made[0][:3], made[1][:3])


@pytest.mark.parametrize("tiles", [None, Tiles(count=4), Tiles(count=4, beside_whole=True)], ids=str)
def test_a_graph_that_normalises_is_fed_the_pixels_themselves(tiles):
    pixels = np.random.default_rng(2).integers(0, 256, (40, 40, 3), np.uint8)
    as_they_are = Pixels(size=(16, 16), tiles=tiles)
    made = list(windows(picture(pixels), as_they_are))
    by_host = list(windows(picture(pixels), plan((16, 16), tiles)))
    assert [place for _, place in made] == [place for _, place in by_host]
    for (seen, _), (floats, _) in zip(made, by_host, strict=True):
        assert (seen.dtype, seen.shape) == (np.uint8, as_they_are.shape)
        assert np.array_equal(seen.transpose(2, 0, 1), np.rint(floats * 255))


def test_no_pixels_are_an_error_in_either_way():
    for tiles in (None, Tiles(count=2)):
        with pytest.raises(ValueError, match="no pixels"):
            list(windows(picture(np.zeros((0, 0, 3), np.uint8)), plan((8, 8), tiles)))
