"""Promise 4: runner, worker count, batch and order don't change a verdict."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pipelines.listing.shards import chunks
from screening.records import Verdict
from screening.screener import Screener
from screening.settings import load_settings
from screening.storage import open_store
from tests.pipelines.conftest import Place, fill, place_at
from tests.pipelines.same import assert_same, by_name, of_job
from tests.screening.formats import write_formats

TWO_WORKERS = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")


def in_process(place: Place, seed: int = 0, batch: int = 1 << 20) -> Mapping[str, Verdict]:
    uploads = list(open_store(place.uploads).list(place.uploads))
    random.Random(seed).shuffle(uploads)
    one = Screener(load_settings(), "in-process")
    try:
        return by_name(verdict for some in chunks(uploads, batch) for verdict in one.screen(some))
    finally:
        one.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """Uploads, also one of each kind of document, and the policy and the bundle that ship."""
    folder = tmp_path_factory.mktemp("place")
    fill(folder / "uploads")
    write_formats(folder / "uploads" / "formats")
    return place_at(folder)


@pytest.fixture(scope="module")
def first(place):
    """What a screener in this process says of them."""
    return in_process(place)


@pytest.mark.parametrize(
    "flags",
    [pytest.param((), id="one worker"), pytest.param(TWO_WORKERS, id="two workers", marks=pytest.mark.slow)],
)
def test_the_job_and_the_process_agree(place, first, flags, tmp_path):
    job = replace(place, results=str(tmp_path / "results"))
    assert job.screen(*flags) == 0
    assert_same(of_job(job), first)


def test_there_is_something_to_find_and_to_miss_in_the_documents(first):
    found = [verdict for name, verdict in first.items() if name.startswith("formats/")]
    assert {verdict.decision for verdict in found} == {"accept", "review", "reject", "error"}
    for reason in (
        "known_hash",
        "not_looked_at",
        "type_mismatch",
        "trailing_data",
        "disguised",
        "encrypted",
        "scams_and_fraud",
    ):
        assert any(reason in verdict.reasons for verdict in found), reason
    assert {part.role for verdict in found for part in verdict.parts} == {"main", "title", "rest", "hidden"}
    assert {len(verdict.parts) for verdict in found} >= {1, 2, 3}


@pytest.mark.parametrize(
    ("seed", "batch"), [(1, 1), pytest.param(2, 3, marks=pytest.mark.slow), pytest.param(3, 64, marks=pytest.mark.slow)]
)
def test_order_and_batch_size_change_nothing(place, first, seed, batch):
    assert_same(first, in_process(place, seed, batch))


def test_a_neighbour_that_fails_changes_nobody_else(place, first, tmp_path):
    shutil.copytree(place.uploads, tmp_path / "uploads")
    (tmp_path / "uploads" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 500)
    after = in_process(place_at(tmp_path))
    assert after.pop("broken.jpg").decision == "error"
    assert_same(first, after)
