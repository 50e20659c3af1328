"""Makes the sample pictures and the binary oddities again: `python tests/screening/samples/generate.py FOLDER`.

Everything is drawn by rule from fixed seeds; no photograph and no data set takes part. The same Pillow gives the
same bytes. The articles among the samples are written by hand and are not made here.
"""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Pixels = np.ndarray[Any, np.dtype[np.float64]]
SIZE = (400, 300)  # width, height in pixels
SMALL = (220, 165)


def texture(rng: np.random.Generator, size: tuple[int, int], finest: int = 1) -> Pixels:
    """Value noise (h, w, 1) of about -1..1 whose contrast falls with its scale, as in photographs."""
    width, height = size
    total, cell, weight = np.zeros((height, width)), 64, 1.0
    while cell >= finest:
        grid = rng.integers(0, 256, (height // cell + 2, width // cell + 2), np.uint8)
        layer = Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)
        total += weight * (np.asarray(layer, float) - 127.5) / 127.5
        cell, weight = cell // 2, weight * 0.7
    return total[..., None] / 1.8


def finished(pixels: Pixels) -> Image.Image:
    """The picture of 0..255 floats (h, w, 3)."""
    return Image.fromarray(np.round(pixels.clip(0, 255)).astype(np.uint8))


def landscape(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A sky with clouds, two ridges, a meadow and a house."""
    rng = np.random.default_rng(seed)
    width, height = size
    x, y = np.arange(width) / width, np.arange(height)[:, None] / height
    sky = np.array([110, 155, 215]) + rng.integers(-25, 25, 3)
    pixels = sky + (y * 80)[..., None] * np.array([1.0, 0.9, 0.5]) + 45 * texture(rng, size, 8)
    for level, colour, rough in ((0.42, (95, 110, 130), 25), (0.56, (60, 85, 60), 45), (0.72, (85, 125, 50), 75)):
        waves = (rng.normal(0, 0.05 / k) * np.sin(2 * np.pi * k * x + rng.uniform(0, 6)) for k in range(1, 9))
        ground = np.array(colour) + rng.integers(-15, 15, 3) + rough * texture(rng, size)
        pixels = np.where((y > level + sum(waves))[..., None], ground, pixels)
    image = finished(pixels)
    draw = ImageDraw.Draw(image)
    wide, tall = width // rng.integers(5, 8), height // rng.integers(5, 7)
    left, top = int(width * rng.uniform(0.1, 0.65)), int(height * rng.uniform(0.5, 0.65))
    draw.rectangle((left, top, left + wide, top + tall), (205, 190, 165))
    roof = [(left - 6, top), (left + wide // 2, top - tall // 2), (left + wide + 6, top)]
    draw.polygon(roof, tuple(int(c) for c in np.array((140, 65, 50)) + rng.integers(-20, 20, 3)))
    for at in range(left + wide // 8, left + wide - wide // 6, wide // 3):
        draw.rectangle((at, top + tall // 4, at + wide // 6, top + tall // 2), (25, 30, 40))
    return image


def still_life(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Fruit on a wooden table, lit from the left."""
    rng = np.random.default_rng(seed)
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(float)
    wall = np.array([150, 140, 125]) + 30 * texture(rng, size, 4) - (x / width * 60)[..., None]
    grain = np.sin(y / 3 + 6 * texture(rng, size, 16)[..., 0]) > 0.5
    table = np.array([135, 90, 55]) - 30 * grain[..., None] + 45 * texture(rng, size)
    freckles = np.where(rng.random((height, width)) < 0.06, 0.7, 1.0)
    pixels = np.where((y > height * 0.55)[..., None], table, wall)
    for place in range(5):
        radius = height * rng.uniform(0.12, 0.19)
        left, top = width * (0.14 + 0.18 * place), height * rng.uniform(0.55, 0.72)
        shadow = ((x - left - radius * 0.6) / radius) ** 2 + ((y - top - radius * 0.8) / (radius * 0.4)) ** 2 < 1
        pixels = np.where(shadow[..., None], pixels * 0.5, pixels)
        across, down = (x - left) / radius, (y - top) / radius
        depth = np.sqrt(np.maximum(0, 1 - across**2 - down**2))
        light = np.maximum(0, -0.5 * across - 0.5 * down + 0.7 * depth)
        skin = np.array([200, rng.integers(40, 190), 40]) + 35 * texture(rng, size)
        ball = skin * (freckles * (0.25 + 0.85 * light))[..., None] + 190 * (light**24)[..., None]
        pixels = np.where((across**2 + down**2 < 1)[..., None], ball, pixels)
    return finished(pixels)


def wall(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A wall of bricks in slanting light."""
    rng = np.random.default_rng(seed)
    width, height = size
    pixels = np.full((height, width, 3), 150.0) + 40 * texture(rng, size)
    for row, top in enumerate(range(2, height, 24)):
        for left in range(-30 * (row % 2), width, 60):
            brick = np.array([160, 85, 65]) + rng.integers(-35, 35)
            pixels[top : top + 20, max(0, left) : max(0, left + 56)] = brick
    light = 1.15 - 0.5 * np.arange(width) / width
    return finished((pixels + 55 * texture(rng, size)) * light[None, :, None])


def night(seed: int) -> Image.Image:
    """A dark street front with lit windows: dark, but rightly so."""
    rng = np.random.default_rng(seed)
    image = finished(np.array([14, 16, 34]) + 14 * texture(rng, SIZE))
    draw = ImageDraw.Draw(image)
    for left in range(10, SIZE[0] - 40, 48):
        top = int(rng.integers(50, 170))
        draw.rectangle((left, top, left + 42, SIZE[1]), (24, 22, 26))
        for down in range(top + 8, SIZE[1] - 20, 22):
            for across in range(left + 5, left + 36, 12):
                if rng.random() < 0.4:
                    draw.rectangle((across, down, across + 7, down + 11), (255, 214, 140))
    return image


def product() -> Image.Image:
    """A vase on white paper: bright, but rightly so."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(float)
    across = (x - 200) / (50 + 28 * np.sin(y / 42))
    inside = (np.abs(across) < 1) & (y > 40) & (y < 265)
    glaze = np.array([40, 90, 150]) + 45 * texture(np.random.default_rng(31), SIZE)
    shade = 0.35 + 0.9 * np.sqrt(np.maximum(0, 1 - (across + 0.3) ** 2))
    return finished(np.where(inside[..., None], glaze * shade[..., None], 255.0))


def chart() -> Image.Image:
    """Thin lines on white: nearly blank, but rightly so."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.line((40, 20, 40, 260, 380, 260), (0, 0, 0), 2)
    rng = np.random.default_rng(32)
    for colour in ((200, 60, 40), (40, 90, 180)):
        heights = 200 - np.cumsum(rng.integers(-12, 18, 34))
        draw.line([(45 + 10 * i, int(height)) for i, height in enumerate(heights)], colour, 3)
    for i in range(8):
        draw.text((50 + i * 40, 266), str(2017 + i), (0, 0, 0))
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(image: Image.Image, quality: int = 82, **options: Any) -> bytes:
    """The picture as JPEG."""
    return encoded(image, "JPEG", quality=quality, **options)


def bomb() -> bytes:
    """A sound PNG of 20,000 x 20,000 black pixels: 50 kB that would decode to 1.2 GB of RGB."""
    side = 20_000
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body)) for tag, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def turned() -> bytes:
    """A landscape stored on its side, with the EXIF orientation that sets it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6  # viewers give it a quarter turn clockwise
    return jpeg(landscape(3).transpose(Image.Transpose.ROTATE_90), exif=exif)


def animation() -> bytes:
    """Four frames of a small GIF: a view that pans to the right."""
    view = wall(11, (280, 165)).quantize(32, dither=Image.Dither.NONE)
    frames = [view.crop((i, 0, i + 200, 165)) for i in range(0, 60, 15)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)


def sixteen_bit() -> bytes:
    """A 16-bit greyscale PNG."""
    grey = np.asarray(still_life(8, SMALL).convert("L"), np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG", optimize=True)


def archive() -> bytes:
    """A zip with one text in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("note.txt", (2025, 1, 1, 0, 0, 0)), "An archive is no article.\n")
    return buffer.getvalue()


def lit(image: Image.Image, factor: float, lift: float = 0.0) -> Image.Image:
    """The picture with its light scaled and lifted."""
    return finished(np.asarray(image, float) * factor + lift)


def banked() -> Image.Image:
    """The picture whose PDQ hash is on the sample block bank."""
    return landscape(77)


FILES: dict[str, Callable[[], bytes]] = {
    "photos/meadow.jpg": lambda: jpeg(landscape(1)),
    "photos/fruit.jpg": lambda: jpeg(still_life(2)),
    "photos/turned.jpg": turned,
    "photos/wall.png": lambda: encoded(wall(5, SMALL).quantize(128), "PNG", optimize=True),
    "photos/valley.webp": lambda: encoded(landscape(4), "WEBP", quality=75),
    "photos/farm.avif": lambda: encoded(landscape(6), "AVIF", quality=65),
    "photos/still.gif": lambda: encoded(still_life(7, SMALL), "GIF"),
    "photos/animation.gif": animation,
    "photos/scan.tiff": lambda: encoded(still_life(9, SMALL).convert("L"), "TIFF", compression="tiff_lzw"),
    "photos/plain.bmp": lambda: encoded(landscape(10, SMALL).quantize(64), "BMP"),
    "photos/print-cmyk.jpg": lambda: jpeg(landscape(12).convert("CMYK"), 70),
    "photos/sixteen-bit.png": sixteen_bit,
    "photos/night.jpg": lambda: jpeg(night(21)),
    "photos/vase.jpg": lambda: jpeg(product()),
    "photos/chart.png": lambda: encoded(chart(), "PNG", optimize=True),
    "photos/Ausblick über das Tal.jpg": lambda: jpeg(landscape(13)),
    "photos/really-a-png.jpg": lambda: encoded(still_life(14, SMALL).quantize(128), "PNG", optimize=True),
    "photos/a-picture.txt": lambda: jpeg(wall(15)),
    "known/blocked-original.jpg": lambda: jpeg(banked(), 90),
    "known/blocked-smaller.webp": lambda: encoded(banked().resize((280, 210)), "WEBP", quality=40),
    "known/lookalike.jpg": lambda: jpeg(landscape(78)),
    "known/allowed-dark.jpg": lambda: jpeg(lit(landscape(5), 0.2)),
    "quality/blurred.jpg": lambda: jpeg(landscape(16).filter(ImageFilter.GaussianBlur(6))),
    "quality/dark.jpg": lambda: jpeg(lit(still_life(20), 0.13)),
    "quality/bright.jpg": lambda: jpeg(lit(landscape(17), 1.5, 110)),
    "quality/blank.png": lambda: encoded(Image.new("RGB", SIZE, (200, 200, 200)), "PNG"),
    "quality/tiny.png": lambda: encoded(landscape(17, (64, 48)), "PNG"),
    "broken/truncated.jpg": lambda: jpeg(landscape(18))[:9_000],
    "broken/truncated.png": lambda: encoded(wall(19, SMALL), "PNG")[:20_000],
    "broken/bomb.png": bomb,
    "broken/archive.zip": archive,
    "broken/document.pdf": lambda: b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    "broken/film.mp4": lambda: b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(400),
    "broken/noise.bin": lambda: np.random.default_rng(20).bytes(2000),
}


def main(folder: Path) -> None:
    """Write every file below `folder`."""
    for name, make in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
