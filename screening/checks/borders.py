"""Cut off the plain border that people put around a picture: bars above and below, a frame, a wide margin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

SIDE = 256  # pixels; borders are looked for at this size
ALIKE = 24  # levels of a channel: how far compression moves the pixels of one plain colour beside a picture
PLAIN = 0.95  # of a line's pixels that must be alike
KEPT = 0.2  # of each side; a picture with less of it inside is a plain one with something on it


def trimmed(pixels: Pixels) -> Pixels | None:
    """Return RGB `pixels` (h, w, 3) without its border, or None if it has none."""
    step = max(1, -(-max(pixels.shape[:2]) // SIDE))
    small = pixels[::step, ::step].astype(np.int16)
    height, width = small.shape[:2]
    top, bottom = _plain(small), _plain(small[::-1])
    columns = small[top : height - bottom].swapaxes(0, 1)
    left, right = (_plain(columns), _plain(columns[::-1])) if top + bottom < height else (0, 0)
    if not (top or bottom or left or right):
        return None
    if height - top - bottom < max(2, KEPT * height) or width - left - right < max(2, KEPT * width):
        return None
    # From the first line that was seen not to be plain to the last: the border may end between two that were looked at.
    rows = slice(step * top, step * (height - bottom - 1) + 1)
    return pixels[rows, step * left : step * (width - right - 1) + 1]


def _plain(lines: npt.NDArray[np.int16]) -> int:
    """Return how many lines, from the first on, are plain and of its colour."""
    colour = lines[0].mean(axis=0)
    for number, line in enumerate(lines):
        if (np.abs(line - colour) <= ALIKE).all(axis=1).mean() < PLAIN:
            return number
    return len(lines)
