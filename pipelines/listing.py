"""What is to be screened, as shards: pieces of the input that workers list themselves, so that no upload is shuffled.

The input is split where its names suggest it, each shard is cut into pieces of a few thousand uploads, and whoever
screens a piece lists it again. Pieces meet without gap or overlap, so each upload is in one of them, whatever comes and
goes while the job runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import PurePosixPath
from typing import Protocol, Self, TypeVar

from screening.records import Upload
from screening.storage import open_store

T = TypeVar("T")
PIECE = 4096  # uploads that are listed, looked up and screened in one go
SHARDS = 256  # that one shard is split into, twice: so that some billions of names are in shards of some 10,000


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


@dataclass(frozen=True, slots=True)
class Range:
    """The names from `start` up to `end` ("": no end) below a folder or `gs://bucket/prefix`."""

    place: str
    start: str = ""
    end: str = ""

    @property
    def id(self) -> str:
        return json.dumps([self.place, self.start, self.end])

    def split(self) -> Iterator[Self]:
        cuts = open_store(self.place).split(self.place, self.start, self.end, SHARDS)
        for start, end in pairwise((self.start, *cuts, self.end)):
            yield replace(self, start=start, end=end)

    def cut(self) -> Iterator[Cut]:
        start, count, last = self.start, 0, ""
        for upload in open_store(self.place).list(self.place, self.start, self.end):
            # What has the same name (two that are not UTF-8 may) belongs into the same piece.
            if count >= PIECE and upload.name > max(last, start):
                yield Cut(replace(self, start=start, end=upload.name), count)
                start, count = upload.name, 0
            count, last = count + 1, upload.name
        if count:
            yield Cut(replace(self, start=start), count)

    def uploads(self, without: Collection[int] = ()) -> Iterator[Upload]:  # noqa: ARG002 (a listing has no repeats)
        return open_store(self.place).list(self.place, self.start, self.end)


def is_folder(source: str) -> bool:
    """Whether `--input` names a folder or prefix, and neither a manifest nor an inventory report."""
    return PurePosixPath(source).suffix.lower() not in {".json", ".jsonl", ".ndjson", ".parquet"}


def shards(source: str, *, dated: bool = False) -> Iterator[Shard]:
    """The input as it is named; ConfigError when it is unusable, also for want of times where they must be `dated`."""
    from pipelines.inventory import report  # these two are kinds of shards
    from pipelines.manifest import manifest

    if is_folder(source):
        yield Range(source)
    elif source.lower().endswith(".json"):
        yield from report(source, dated=dated)
    else:
        yield manifest(source)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of `size`."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
