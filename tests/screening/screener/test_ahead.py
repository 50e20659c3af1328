"""What is decoded and waits for the classifiers takes bounded memory, and nothing waits for ever."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest

from screening.content import Part, Picture
from screening.errors import UploadError
from screening.records import Upload
from screening.screener.ahead import BATCH_BYTES, abandon, batches, read_ahead
from screening.screener.prepare import Prepared
from screening.screener.room import HELD_BYTES, Place, Room

DECODERS, READERS, MOST, COUNT = 3, 12, 40, 300
LARGEST = 3 << 26


class Pixels:
    """Stands for an array of pixels that would take `nbytes`."""

    def __init__(self, size: int) -> None:
        self.nbytes = size


def document(upload: Upload, place: Place, size: int) -> Prepared:
    pixels = Pixels(size)
    picture = Picture(1, 1, pixels)  # type: ignore[arg-type]  # only its size in bytes is asked for
    return Prepared(upload, place, scorable=(Part("main", "main", picture),))


def uploads(count: int = COUNT) -> Iterator[Upload]:
    return (Upload(f"/{number}", f"{number}", "1", 1000) for number in range(count))


class Preparing:
    """A fake of the preparer: decodes to documents of random sizes, and counts what is decoded and not yet let go."""

    def __init__(self) -> None:
        self.lock, self.held, self.most, self.decoding, self.at_once = threading.Lock(), 0, 0, 0, 0
        self.sizes = random.Random(3).choices([1 << 10, 1 << 22, 1 << 26, LARGEST], [4, 4, 2, 1], k=COUNT)

    def __call__(self, upload: Upload, place: Place) -> Prepared:
        size = self.sizes[int(upload.name)]
        with place:
            with self.lock:
                self.decoding += 1
                self.at_once = max(self.at_once, self.decoding)
                self.held += size
                self.most = max(self.most, self.held)
            time.sleep(0.0005)
            prepared = document(upload, place, size)
            place.keep(prepared.memory)
            with self.lock:
                self.decoding -= 1
        return prepared

    def let_go(self, batch: list[Prepared]) -> None:
        for item in batch:
            with self.lock:
                self.held -= item.memory
            item.place.keep(0)


def test_what_waits_is_bounded_in_decoded_bytes_and_comes_in_order():
    preparing, room = Preparing(), Room(DECODERS)
    names, largest = [], 0
    with ThreadPoolExecutor(1) as scorers:
        prepared = read_ahead(uploads(), preparing, room, readers=READERS, most=MOST, max_bytes=10**6)
        for batch in batches(prepared, 16):
            names += [item.upload.name for item in batch]
            largest = max(largest, sum(item.memory for item in batch[:-1]))
            scorers.submit(preparing.let_go, batch).result()
    assert names == [str(number) for number in range(COUNT)]
    assert preparing.at_once <= DECODERS
    assert largest < BATCH_BYTES
    assert HELD_BYTES < preparing.most <= HELD_BYTES + DECODERS * LARGEST
    assert preparing.held == 0


def test_a_batch_is_full_by_number_or_by_bytes():
    room = Room(1)
    sizes = [1, 1, 1, 1, BATCH_BYTES - 1, 1, BATCH_BYTES, 5]
    items = [document(upload, room.place(0), size) for upload, size in zip(uploads(8), sizes, strict=True)]
    assert [[item.memory for item in batch] for batch in batches(items, 3)] == [
        [1, 1, 1],
        [1, BATCH_BYTES - 1],
        [1, BATCH_BYTES],
        [5],
    ]


def test_whoever_leaves_does_not_wait_for_those_that_wait_for_room():
    preparing, room = Preparing(), Room(DECODERS)
    preparing.sizes = [LARGEST] * COUNT
    prepared = read_ahead(uploads(), preparing, room, readers=READERS, most=MOST, max_bytes=10**6)
    next(prepared)
    prepared.close()
    with ThreadPoolExecutor(1) as readers:
        late = readers.submit(preparing, next(uploads(1)), room.place(1))
        with pytest.raises(CancelledError):
            late.result(20)


def test_who_stands_still_is_in_nobodys_way():
    rows = [read_ahead(uploads(), Preparing(), Room(DECODERS), readers=READERS, most=MOST, max_bytes=10**6)
            for _ in range(2)]  # fmt: skip
    next(rows[0])
    time.sleep(0.3)  # its readers wait for room by now
    assert [next(rows[1]).upload.name for _ in range(3)] == ["0", "1", "2"]
    for each in rows:
        each.close()


def test_who_fails_to_decode_leaves_the_room():
    room = Room(1)
    for number in range(3):
        with pytest.raises(UploadError), room.place(number):
            raise UploadError("malformed")
    place = room.place(3)
    with place:
        place.keep(HELD_BYTES + 1)
    with ThreadPoolExecutor(1) as readers:
        waits = readers.submit(room.place(4).__enter__)
        time.sleep(0.05)
        assert not waits.done()
        place.keep(0)
        assert waits.result(20) is None
        abandon([waits])


def test_pixels_count_with_their_bytes_and_texts_with_four_a_character():
    from screening.content import Text
    from screening.content.kinds import KINDS

    assert KINDS["image"].memory(Picture(9, 9, np.zeros((4, 5, 3), np.uint8))) == 60
    assert KINDS["text"].memory(Text("ab")) == 8
