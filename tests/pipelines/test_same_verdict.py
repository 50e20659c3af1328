"""Promise 4: runner, worker count, batch and order don't change a verdict."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace

import pytest

from pipelines.listing.shards import chunks
from screening.screener import Screener
from screening.settings import load_settings
from screening.storage import open_store
from tests.pipelines.conftest import Place, fill, place_at

TOLERANCE = 1e-3
TWO_WORKERS = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")


def in_process(place, seed: int = 0, batch: int = 1 << 20):
    uploads = list(open_store(place.uploads).list(place.uploads))
    random.Random(seed).shuffle(uploads)
    one = Screener(load_settings(), "in-process")
    try:
        return as_facts(
            (v.name, v.decision, v.reasons, [(s.source, s.label, s.score) for s in v.signals])
            for some in chunks(uploads, batch)
            for v in one.screen(some)
        )
    finally:
        one.close()


def as_facts(rows):
    return {
        name: (decision, tuple(reasons), {(source, label): score for source, label, score in signals})
        for name, decision, reasons, signals in rows
    }


def of_job(place):
    verdicts = (
        place.tables.connection().execute("SELECT name, decision, reasons, signals FROM verdicts").to_arrow_table()
    )
    return as_facts(
        (row["name"], row["decision"], row["reasons"], [(s["source"], s["label"], s["score"]) for s in row["signals"]])
        for row in verdicts.to_pylist()
    )


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, (decision, reasons, scores) in one.items():
        assert (decision, reasons) == other[name][:2], name
        assert scores.keys() == other[name][2].keys()
        for key, score in scores.items():
            assert score == pytest.approx(other[name][2][key], abs=TOLERANCE), (name, key)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """Uploads, and the policy and the bundle that ship."""
    folder = tmp_path_factory.mktemp("place")
    fill(folder / "uploads")
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


def test_order_and_batch_size_change_nothing(place, first):
    for seed, batch in ((1, 1), (2, 3), (3, 64)):
        assert_same(first, in_process(place, seed, batch))


def test_a_neighbour_that_fails_changes_nobody_else(place, first, tmp_path):
    shutil.copytree(place.uploads, tmp_path / "uploads")
    (tmp_path / "uploads" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 500)
    after = in_process(place_at(tmp_path))
    assert after.pop("broken.jpg")[0] == "error"
    assert_same(first, after)
