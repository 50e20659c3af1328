"""The steps that cut the input into pieces for the workers. Their elements are shards, which only say where to look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipelines import beam
from pipelines.job import DIGESTS, TALLIES, Job, Tally
from pipelines.listing import repeats
from pipelines.listing.shards import Shard
from pipelines.listing.source import shards
from screening.tables import add_keys, upload_key


class Split(beam.DoFn):
    """Split the input, or shards of it, at name boundaries; the order of the output is unspecified."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, element: str | tuple[str, Iterable[Shard]]) -> Iterator[object]:
        dated = self._job.since.at is not None
        whole = shards(element, dated=dated) if isinstance(element, str) else element[1]
        owed = 0
        for shard in whole:
            self._job.signs.leave()
            made = list(shard.split())
            owed = add_keys([owed, *(key(piece) for piece in made), 0 if isinstance(element, str) else -key(shard)])
            yield from ((piece.id, piece) for piece in made)
        yield beam.TaggedOutput(TALLIES, Tally(owed=owed))


class CutUp(beam.DoFn):
    """Cut shards into pieces of a few thousand uploads, and emit digests of entries that may be listed twice."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, element: tuple[str, Iterable[Shard]]) -> Iterator[object]:
        for shard in element[1]:
            owed = -key(shard)
            for cut in shard.cut():
                owed = add_keys([owed, key(cut.piece)])
                self._job.progress.listed(cut.uploads)
                self._job.signs.leave()
                yield cut.piece.id, cut.piece
                for part, entries in repeats.by_range(cut.digests):
                    yield beam.TaggedOutput(DIGESTS, (part, (cut.piece.id, entries)))
            yield beam.TaggedOutput(TALLIES, Tally(owed=owed))


class FindRepeats(beam.DoFn):
    """Find which rows of each piece repeat an earlier row: those are not uploads of their own."""

    def process(self, element: tuple[int, Iterable[tuple[str, bytes]]]) -> Iterator[tuple[str, bytes]]:
        yield from repeats.find(element[1])


def key(shard: Shard) -> int:
    """Return the number that represents a shard in a tally's `owed`."""
    return upload_key(shard.id, 0)
