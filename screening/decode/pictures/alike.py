"""Tell frames that look like an earlier one, so that an animation is looked at once and not a hundred times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from screening.content.kinds import MAX_SIDE
from screening.content.pdq import pdq

SMALL = 32  # pixels a side of the copies that are compared
NEAR = 8  # bits of a PDQ hash; a bank's distance is 31, so a frame that close to a known one is known with it
SHADE = 12  # grey levels by which a spot of two frames that look alike may differ
# The first large product of matrices makes system calls that are no longer allowed behind the walls.
pdq(np.zeros((MAX_SIDE, MAX_SIDE, 3), np.uint8))


class Unlike:
    """The frames of an animation that don't look alike, of which `first` is one."""

    def __init__(self, first: npt.NDArray[np.uint8] | None = None) -> None:
        self._hashes: list[npt.NDArray[np.uint8]] = []
        self._copies: list[npt.NDArray[np.int16]] = []
        if first is not None:
            self.is_new(first)

    def __len__(self) -> int:
        return len(self._hashes)

    def is_new(self, pixels: npt.NDArray[np.uint8]) -> bool:
        """Return whether RGB `pixels` (h, w, 3) look like no earlier frame, and remember them if so.

        Frames are alike if their PDQ hashes are near and no spot of them differs: a few words in a corner hardly change
        a hash.
        """
        small = Image.fromarray(pixels).convert("L").resize((SMALL, SMALL), Image.Resampling.BOX)
        copy, value = np.asarray(small, np.int16), np.frombuffer(pdq(pixels)[0], np.uint8)
        for i, each in enumerate(self._copies):
            if np.abs(each - copy).max() <= SHADE and np.bitwise_count(self._hashes[i] ^ value).sum() <= NEAR:
                return False
        self._hashes.append(value)
        self._copies.append(copy)
        return True
