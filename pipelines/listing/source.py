"""Turn what `--input` names (a folder or prefix, a manifest or an inventory report) into shards."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Self

from pipelines.listing.inventory import report
from pipelines.listing.manifest import manifest
from pipelines.listing.shards import PIECE, Cut, Shard
from screening.records import Upload
from screening.storage import open_store

SHARDS = 256  # shards that one is split into, twice over, so billions of names make shards of tens of thousands


@dataclass(frozen=True, slots=True)
class Range:
    """A shard: the names from `start` up to but not including `end` ("": no end) below a folder or bucket prefix."""

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
            # Entries with the same name (two names that are not UTF-8 may be spelled alike) go into the same piece.
            if count >= PIECE and upload.name > max(last, start):
                yield Cut(replace(self, start=start, end=upload.name), count)
                start, count = upload.name, 0
            count, last = count + 1, upload.name
        if count:
            yield Cut(replace(self, start=start), count)

    def uploads(self, without: Collection[int] = ()) -> Iterator[Upload]:  # noqa: ARG002 (a listing has no repeats)
        return open_store(self.place).list(self.place, self.start, self.end)


def is_folder(source: str) -> bool:
    """Return whether `--input` names a folder or prefix, and neither a manifest nor an inventory report."""
    return PurePosixPath(source).suffix.lower() not in {".json", ".jsonl", ".ndjson", ".parquet"}


def shards(source: str, *, dated: bool = False) -> Iterator[Shard]:
    """Yield the input's shards. Raises ConfigError if it can't be used, or if uploads must be `dated` and are not."""
    if is_folder(source):
        yield Range(source)
    elif source.lower().endswith(".json"):
        yield from report(source, dated=dated)
    else:
        yield manifest(source)
