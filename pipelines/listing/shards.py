"""What a listing is cut into: shards that workers list themselves, and the pieces of a shard.

An input is split where its names suggest it, each shard is cut into pieces of a few thousand uploads, and whoever
screens a piece lists it again, so that no upload is shuffled. Pieces meet without gap or overlap, so each upload is in
one of them, whatever comes and goes while the job runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from screening.records import Upload

T = TypeVar("T")
PIECE = 4096  # uploads that are listed, looked up and screened in one go


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece as it was cut off: how many uploads it had, and a digest of each where they may repeat."""

    piece: Shard
    uploads: int
    digests: Sequence[bytes] = ()


class Shard(Protocol):
    """A part of the input that one worker lists; small, and an element of the pipeline."""

    @property
    def id(self) -> str:
        """Which part: no two of an input have the same; those of a file are in its order."""
        ...

    def split(self) -> Iterator[Shard]:
        """Itself in shards, without reading all of it."""
        ...

    def cut(self) -> Iterator[Cut]:
        """Itself in pieces of at most `PIECE` uploads."""
        ...

    def uploads(self, without: Collection[int] = ()) -> Iterator[Upload]:
        """What is in it now; `without` are the places (from 0) of rows that repeat another."""
        ...


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of `size`."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
