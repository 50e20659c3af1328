"""Split a listing into shards that workers list themselves, and cut shards into pieces.

An input is split at name boundaries, and each shard is cut into pieces of a few thousand uploads. Whoever screens a
piece lists it again, so that no upload is shuffled. Pieces have no gaps or overlaps, so each upload is in exactly one
of them, even if uploads are added or deleted while the job runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from screening.records import Upload

T = TypeVar("T")
PIECE = 4096  # uploads that are listed, looked up and screened together


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece, the number of uploads it had when it was cut, and a digest of each if they may be listed twice."""

    piece: Shard
    uploads: int
    digests: Sequence[bytes] = ()


class Shard(Protocol):
    """A part of the input that one worker lists. It is small, since it is an element of the pipeline."""

    @property
    def id(self) -> str:
        """An id that is unique within the input; the ids of a file's parts sort in the order of the file."""
        ...

    def split(self) -> Iterator[Shard]:
        """Yield smaller shards that make up this one, without reading all of it."""
        ...

    def cut(self) -> Iterator[Cut]:
        """Yield the pieces that make up this shard, each of at most about `PIECE` uploads."""
        ...

    def uploads(self, without: Collection[int] = ()) -> Iterator[Upload]:
        """Yield the uploads that are in it now, without the rows (counted from 0) that repeat another."""
        ...


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of `size`; the last list may be shorter."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
