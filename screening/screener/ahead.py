"""Prepare uploads ahead of the classifiers, in order, in threads that are bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from screening.records import Upload
from screening.screener.prepare import Prepared
from screening.screener.room import Place, Room

AHEAD_BYTES = 256 << 20
BATCH_BYTES = 64 << 20  # of decoded parts, from which a batch is full


def read_ahead(
    uploads: Iterable[Upload],
    prepare: Callable[[Upload, Place], Prepared],
    room: Room,
    *,
    readers: int,
    most: int,
    max_bytes: int,
) -> Generator[Prepared, None, None]:
    """Yield the uploads in order, prepared by so many `readers` (threads) in a `room`, which is closed at the end.

    At most `most` are in flight, and their files have together no more than `AHEAD_BYTES`; `max_bytes` are read of any.
    """
    # Not shared with another caller's uploads: theirs would wait behind readers that wait for room.
    pool = ThreadPoolExecutor(readers, thread_name_prefix="read")
    flying: deque[tuple[int, Future[Prepared]]] = deque()
    weight = landed = 0

    def land() -> Prepared:
        nonlocal weight, landed
        size, future = flying.popleft()
        room.next_is(landed)
        landed += 1
        weight -= size
        return future.result()

    try:
        for number, upload in enumerate(uploads):
            size = min(upload.size, max_bytes)
            while flying and (len(flying) >= most or weight + size > AHEAD_BYTES):
                yield land()
            flying.append((size, pool.submit(prepare, upload, room.place(number))))
            weight += size
        while flying:
            yield land()
    finally:
        room.close()
        abandon(future for _, future in flying)
        pool.shutdown(wait=False)


def batches(prepared: Iterable[Prepared], most: int) -> Iterator[list[Prepared]]:
    """Yield them in batches of at most `most`, each full as soon as it holds `BATCH_BYTES` of parts."""
    batch: list[Prepared] = []
    size = 0
    for item in prepared:
        batch.append(item)
        size += item.memory
        if len(batch) == most or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def abandon(futures: Iterable[Future[Any]]) -> None:
    """Cancel what has not begun and wait for the rest, so that unwanted work does not run beside what comes next."""
    wait([future for future in futures if not future.cancel()])
