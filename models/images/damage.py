"""Damage pictures in a known way and strength, as optics, sensors and encoders do.

Damage that happens to light is applied in linear light (sRGB, IEC 61966-2-1), and damage to a stored picture to its
encoded values. Both are float32 [height, width, 3] in 0..1. A strength of 0 means no damage.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Damage = Callable[[Picture, float, np.random.Generator], Picture]
MID_GREY = 0.2140  # the linear light of the encoded value 0.5
SLOPE = 1.08  # the slope of the encoding there
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


def linear(values: Picture) -> Picture:
    """Return encoded values as linear light."""
    high = ((values + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(values <= 0.04045, values / np.float32(12.92), high)


def encoded(light: Picture) -> Picture:
    """Return linear light as encoded values; what is beyond black and white is lost."""
    light = np.clip(light, 0, 1)
    high = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= 0.0031308, light * np.float32(12.92), high)


LIGHT_OF = linear(np.arange(256, dtype=np.float32) / np.float32(255))


def defocus(light: Picture, radius: float, _: np.random.Generator) -> Picture:
    """Return the picture out of focus: every point becomes a disc of `radius` pixels."""
    return _spread(light, radius, lambda y, x: np.hypot(y, x) <= radius)


def motion(light: Picture, length: float, chance: np.random.Generator) -> Picture:
    """Return the picture blurred by a movement of `length` pixels along a straight line, in a random direction."""
    angle = chance.uniform(0, np.pi)
    sine, cosine = np.sin(angle), np.cos(angle)
    return _spread(
        light,
        length / 2,
        lambda y, x: (np.abs(x * cosine + y * sine) <= length / 2) & (np.abs(x * sine - y * cosine) <= 0.5),
    )


def under_exposed(light: Picture, stops: float, _: np.random.Generator) -> Picture:
    """Return the picture with `stops` stops less light."""
    return light * np.float32(2**-stops)


def over_exposed(light: Picture, stops: float, _: np.random.Generator) -> Picture:
    """Return the picture with `stops` stops more light; what is beyond white is lost."""
    lit: Picture = np.minimum(light * np.float32(2**stops), 1)
    return lit


def photon_noise(light: Picture, sigma: float, chance: np.random.Generator) -> Picture:
    """Add noise that grows with the square root of the light (Foi et al. 2008): `sigma` of 255 levels at mid-grey."""
    deviation = np.sqrt(light / np.float32(MID_GREY)) * np.float32(sigma / 255 / SLOPE)
    noisy: Picture = np.clip(light + deviation * _grain(light.shape, chance), 0, 1)
    return noisy


def gaussian_noise(values: Picture, sigma: float, chance: np.random.Generator) -> Picture:
    """Add noise of the same strength everywhere: `sigma` of 255 levels."""
    return np.clip(values + _grain(values.shape, chance) * np.float32(sigma / 255), 0, 1)


def upscaled(values: Picture, factor: float, chance: np.random.Generator) -> Picture:
    """Return the picture after it was shrunk by `1 + factor` and enlarged again."""
    image, up = _image(values), FILTERS[chance.integers(len(FILTERS))]
    small = (max(1, round(image.width / (1 + factor))), max(1, round(image.height / (1 + factor))))
    return _values(image.resize(small, Image.Resampling.BICUBIC).resize(image.size, up))


def jpeg(values: Picture, lost: float, chance: np.random.Generator) -> Picture:
    """Return the picture after JPEG of quality 100 - `lost`, mostly with halved colour, as cameras and sites do."""
    return _stored(values, "JPEG", quality=max(1, round(100 - lost)), subsampling=2 if chance.random() < 0.75 else 0)


def webp(values: Picture, lost: float, _: np.random.Generator) -> Picture:
    """Return the picture after WebP of quality 100 - `lost`."""
    return _stored(values, "WEBP", quality=max(0, round(100 - lost)), method=2)


# Both are in the order in which the damages happen to a picture.
TO_LIGHT: dict[str, Damage] = {
    "defocus": defocus,
    "motion": motion,
    "under_exposed": under_exposed,
    "over_exposed": over_exposed,
    "photon_noise": photon_noise,
}
TO_VALUES: dict[str, Damage] = {"gaussian_noise": gaussian_noise, "upscaled": upscaled, "jpeg": jpeg, "webp": webp}
DAMAGES = {**TO_LIGHT, **TO_VALUES}
# Which later damages smooth a noise, by an amount that nobody knows.
HIDDEN_BY = dict.fromkeys(("photon_noise", "gaussian_noise"), ("upscaled", "jpeg", "webp"))


def damage(pixels: Pixels, strengths: Mapping[str, float], chance: np.random.Generator) -> Pixels:
    """Return the picture, uint8 [height, width, 3], with each damage at its strength, in the order they happen."""
    values = pixels.astype(np.float32) / np.float32(255)
    if any(strengths.get(kind) for kind in TO_LIGHT):
        values = encoded(_applied(TO_LIGHT, LIGHT_OF[pixels], strengths, chance))
    return _bytes(_applied(TO_VALUES, values, strengths, chance))


def _applied(
    kinds: Mapping[str, Damage], picture: Picture, how: Mapping[str, float], chance: np.random.Generator
) -> Picture:
    for kind, apply in kinds.items():
        if how.get(kind):
            picture = apply(picture, how[kind], chance)
    return picture


def _spread(light: Picture, reach: float, inside: Callable[..., npt.NDArray[np.bool_]]) -> Picture:
    """Spread every pixel over the points that are `inside`, up to `reach` pixels away; each pixel has 9 × 9 points."""
    from scipy.signal import fftconvolve  # not at the top, so that recipes can be read without the training stack

    away = int(np.ceil(reach + 0.5))
    points = (np.arange((2 * away + 1) * 9) + 0.5) / 9 - away - 0.5
    area = inside(points[:, None], points[None, :]).reshape(2 * away + 1, 9, 2 * away + 1, 9).mean(axis=(1, 3))
    kernel = (area / area.sum()).astype(np.float32)
    channels = np.pad(light.transpose(2, 0, 1), ((0, 0), (away, away), (away, away)), mode="symmetric")
    spread: Picture = fftconvolve(channels, kernel[None], mode="valid", axes=(1, 2)).transpose(1, 2, 0)
    return np.clip(spread, 0, 1)


def _grain(shape: tuple[int, ...], chance: np.random.Generator) -> Picture:
    """Return noise of deviation 1, grey or coloured, of single pixels or of small grains, as demosaicing leaves it."""
    from scipy.ndimage import gaussian_filter

    grey, coarse = chance.random() < 0.3, chance.random() < 0.5
    noise = chance.standard_normal((*shape[:2], 1) if grey else shape, dtype=np.float32)
    if coarse:
        noise = gaussian_filter(noise, (0.7, 0.7, 0))
    return np.asarray(np.broadcast_to(noise / noise.std(), shape))


def _bytes(values: Picture) -> Pixels:
    return np.rint(values * 255).astype(np.uint8)


def _image(values: Picture) -> Image.Image:
    return Image.fromarray(_bytes(values))


def _values(image: Image.Image) -> Picture:
    return np.asarray(image, np.float32) / np.float32(255)


def _stored(values: Picture, form: str, **how: int) -> Picture:
    data = io.BytesIO()
    _image(values).save(data, form, **how)
    return _values(Image.open(data, formats=[form]).convert("RGB"))
