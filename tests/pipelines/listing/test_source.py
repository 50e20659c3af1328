"""Listing in shards: whatever the names, each upload is in exactly one piece, as a plain listing has it."""

from __future__ import annotations

import tempfile
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.listing import source as listing
from pipelines.listing.shards import Shard
from pipelines.listing.source import Range
from screening.storage import open_store, split
from screening.storage.split import after, cut_points
from tests.pace import times

# Neighbours in the order of names: around the slash, the surrogates, and the end of Unicode.
LETTERS = st.sampled_from([*"aabbc.-/! 0", "é", "雪", "\ud7ff", "\ue000", "\uffff", "😀", "\U0010ffff"])
NAMES = st.builds(
    lambda start, rest: (start + rest).strip("/"),
    st.sampled_from(["", "p" * 60, "2026/11/25/", "p" * 60 + "/q/", "雪" * 40]),
    st.text(LETTERS, min_size=1, max_size=12),
).filter(bool)
SETS = st.sets(NAMES, min_size=0, max_size=40)
QUICK = settings(
    max_examples=times(60, 12),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of three, so that few names are many pieces."""
    # A bucket of some thousand objects for each of hundreds of examples would take hours.
    monkeypatch.setattr(listing, "PIECE", 3)
    monkeypatch.setattr(listing, "SHARDS", 4)
    monkeypatch.setattr(split, "PAGE", 4)


def pieces(place: str) -> list[Shard]:
    """As the job makes them: split, split again, cut."""
    coarse = list(Range(place).split())
    fine = [shard for each in coarse for shard in each.split()]
    return [cut.piece for shard in fine for cut in shard.cut()]


def assert_exactly_once(place: str) -> None:
    whole = list(open_store(place).list(place))
    made = pieces(place)
    found = [upload for piece in made for upload in piece.uploads()]
    assert sorted(found, key=lambda upload: upload.uri) == sorted(whole, key=lambda upload: upload.uri)
    assert len({piece.id for piece in made}) == len(made)
    assert all(sum(1 for _ in piece.uploads()) <= 3 for piece in made)


def possible(names: set[str]) -> Iterator[str]:
    """Those that a folder can hold beside each other."""
    folders, files = set[str](), set[str]()
    for name in sorted(names, key=len, reverse=True):
        parts = name.split("/")
        above = {"/".join(parts[:i]) for i in range(1, len(parts))}
        sound = all(part and part not in {".", ".."} and len(part.encode()) < 250 for part in parts)
        if sound and name not in folders and not above & files:
            folders |= above
            files.add(name)
            yield name


@QUICK
@given(names=SETS)
def test_a_folder_is_listed_exactly_once(names):
    with tempfile.TemporaryDirectory() as root:
        for name in possible(names):
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        assert_exactly_once(root)


@QUICK
@given(names=SETS)
def test_a_bucket_is_listed_exactly_once(names, gcs_server):
    root = f"gs://{gcs_server.create_bucket(uuid.uuid4().hex)}/in"
    for name in names:
        open_store(root).put(f"{root}/{name}", b"x")
        open_store(root).put(f"{root}-other/{name}", b"not below")
    assert_exactly_once(root)
    assert [upload.name for upload in open_store(root).list(root)] == sorted(names)


@QUICK
@given(names=st.sets(NAMES, min_size=1, max_size=300), end=st.just("") | NAMES, start=st.just("") | NAMES)
def test_cuts_are_in_order_and_within(names, start, end):
    order = sorted(names)
    cuts = cut_points(lambda a, b, n: [name for name in order if name >= a and (not b or name < b)][:n], start, end, 8)
    assert cuts == sorted(set(cuts))
    assert all(cut > start and (not end or cut < end) for cut in cuts)


@pytest.mark.parametrize(
    "names",
    [
        [f"{i:08d}" for i in range(20_000)],
        [f"uploads/2026/11/{i % 30:02d}/{i * 7919 % 100_000:05d}.jpg" for i in range(20_000)],
        [f"{uuid.UUID(int=i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)}" for i in range(20_000)],
    ],
    ids=["numbers", "dates", "uuids"],
)
def test_cuts_are_of_some_balance_and_cost_few_calls(names):
    order, calls = sorted(names), Counter[int]()

    def peek(start: str, end: str, count: int) -> list[str]:
        calls[count] += 1
        at = bisect_left(order, start)
        return [name for name in order[at : at + count] if not end or name < end]

    once = cut_points(peek, "", "", 16, page=100)
    edges = ["", *once, ""]
    cuts = sorted({*once, *(cut for a, b in pairwise(edges) for cut in cut_points(peek, a, b, 16, page=100))})
    sizes = [bisect_left(order, b) - bisect_left(order, a) for a, b in pairwise(cuts)]
    assert len(cuts) >= 64
    assert max(sizes) < len(names) / 16
    assert sum(calls.values()) < 8 * len(cuts)


def test_what_comes_and_goes_meanwhile_is_in_one_piece_or_none(tmp_path):
    for i in range(20):
        (tmp_path / f"{i:02}.txt").write_bytes(b"x")
    made = pieces(str(tmp_path))
    (tmp_path / "05.txt").unlink()
    for name in ("00.a", "05", "07.txtx", "zz"):
        (tmp_path / name).write_bytes(b"new")
    found = [upload.name for piece in made for upload in piece.uploads()]
    assert sorted(found) == [upload.name for upload in open_store(str(tmp_path)).list(str(tmp_path))]


def test_a_folder_that_can_not_be_read_and_names_that_are_no_text_are_in_one_piece(tmp_path, monkeypatch):
    from screening.storage import walk

    for name in (b"a!", b"a", b"b\xff", b"b\xfe", b"c\\xff", b"c\xff"):
        (tmp_path / name.decode(errors="surrogateescape")).write_bytes(b"x")
    (tmp_path / "d").mkdir()
    (tmp_path / "d!").write_bytes(b"x")
    whole = walk._folder

    def closed(path: str, *rest: object, **more: object) -> object:
        if path.endswith("/d"):
            raise PermissionError
        return whole(path, *rest, **more)

    # Tests may run as root, to whom no folder is closed.
    monkeypatch.setattr(walk, "_folder", closed)
    found = [(upload.name, upload.problem) for piece in pieces(str(tmp_path)) for upload in piece.uploads()]
    assert sorted(found) == [
        ("a", ""),
        ("a!", ""),
        ("b\\xfe/", "invalid_name"),
        ("b\\xff/", "invalid_name"),
        ("c\\xff", ""),
        ("c\\xff/", "invalid_name"),
        ("d", "unreadable"),
        ("d!", ""),
    ]


def test_after_is_the_least_text_beyond_all_that_begin_so():
    assert after("ab") == "ac"
    assert after("a\U0010ffff") == "b"
    assert after("\ud7ff") == "\ue000"
    assert after("\U0010ffff") == after("") == ""
