"""Decide which uploads may be decoded now, so that those that wait for the classifiers take bounded memory."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

HELD_BYTES = 256 << 20


class Room:
    """Lets at most `decoders` threads decode at once, and none while more than `HELD_BYTES` wait for the classifiers.

    The upload that comes next is let in all the same, since the others wait for it before they can be let go. Uploads
    come in the order of their numbers.
    """

    def __init__(self, decoders: int) -> None:
        self._changed = threading.Condition()
        self._free = decoders
        self._held = 0
        self._next = 0
        self._closed = False

    def place(self, number: int) -> Place:
        """Return the place of an upload."""
        return Place(self, number)

    def next_is(self, number: int) -> None:
        """Say which upload is waited for."""
        with self._changed:
            self._next = number
            if self._full:
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more: those that wait, and whoever comes, get a CancelledError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def _full(self) -> bool:
        return self._held > HELD_BYTES

    def _enter(self, number: int) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or (self._free > 0 and (not self._full or number == self._next))
            )
            if self._closed:
                raise CancelledError
            self._free -= 1

    def _leave(self) -> None:
        with self._changed:
            self._free += 1
            if self._full:  # only one of those that wait may go on, and `notify` would wake any
                self._changed.notify_all()
            else:
                self._changed.notify()

    def _keep(self, more: int) -> None:
        with self._changed:
            self._held += more
            if more < 0:
                self._changed.notify_all()


class Place:
    """What one upload takes of a room: one of its decoders while it is entered, and the memory that it keeps."""

    def __init__(self, room: Room, number: int) -> None:
        self._room = room
        self._number = number
        self._size = 0

    def __enter__(self) -> None:
        """Wait until the upload may be decoded."""
        self._room._enter(self._number)

    def __exit__(self, *_: object) -> None:
        """Let another upload be decoded."""
        self._room._leave()

    def keep(self, size: int) -> None:
        """Say that the decoded upload takes `size` bytes from now on; 0 lets it go."""
        self._room._keep(size - self._size)
        self._size = size
