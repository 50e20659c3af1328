"""Read an object of a store in parts, as a file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import BinaryIO

BUFFER = 4 << 20  # bytes of a part, if less is asked for


def opened(size: int, fetch: Callable[[int, int], bytes]) -> BinaryIO:
    """Return a file of `size` bytes; `fetch(first, end)` returns those from `first` up to but not including `end`."""
    return io.BufferedReader(_Parts(size, fetch), BUFFER)


class _Parts(io.RawIOBase):
    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self._size, self._fetch, self._at = size, fetch, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: bytearray | memoryview, /) -> int:  # type: ignore[override]
        last = min(self._at + len(into), self._size)
        if last <= self._at:
            return 0
        data = self._fetch(self._at, last)
        into[: len(data)] = data
        self._at = last
        return len(data)
