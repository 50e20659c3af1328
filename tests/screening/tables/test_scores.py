"""Stored scores by digest: only those of committed runs that were made alike, and only of the very bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from screening.errors import TableError
from screening.records import BundleId, Evidence, Fingerprint, Signal
from screening.tables import ResultTables, StoredScores

BUNDLE = BundleId("starter", "0.1.0", "ab" * 32)
OURS = Fingerprint("f" * 64, "decode-1", "cpu", (BUNDLE,), "banks", "policy")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def spam(score: float) -> tuple[Signal, ...]:
    return (Signal("bundle/starter@0.1.0/spam", "spam", score, Evidence(3, 5, 90, "a note")),)


@pytest.fixture
def tables(tmp_path) -> ResultTables:
    return ResultTables(str(tmp_path))


@pytest.fixture
def numbered(verdict):
    """So many verdicts on different bytes, each with a score of its own; files in the order of URIs, not digests."""

    def make(count: int, start: int = 0, **changes):
        for i in range(start, start + count):
            checks = (Signal("check/too_short@1", "too_short", float(i)),)
            yield verdict(
                uri=f"/in/{i:06}.txt", **{"sha256": digest(str(i)), "signals": checks + spam(i / 10_000), **changes}
            )

    return make


def test_every_digest_leads_to_its_own_scores_and_to_nothing_but_scores_of_bundles(tables, commit, numbered):
    commit(tables, "one", *numbered(1100))  # three row groups
    commit(tables, "two", *numbered(30, start=1100))
    found = StoredScores(tables, OURS)
    assert len(found) == 1130
    for i in (0, 511, 512, 1023, 1024, 1099, 1100, 1129):
        assert found.find(digest(str(i))) == spam(i / 10_000)
    assert found.find(digest("1130")) == ()


def test_no_tables_know_nothing(tables):
    assert StoredScores(tables, OURS).find(digest("0")) == ()


def test_a_run_that_is_not_committed_is_not_known(tables, numbered, run_row):
    tables.write_part("part", (replace(each, run_id="part") for each in numbered(1)))
    half = tables.write_part("half", (replace(each, run_id="half") for each in numbered(1)))
    tables.commit_verdicts(run_row("half", accept=1), [half])  # and its committer dies
    assert len(tables.dataset("verdicts").to_table()) == 1
    assert StoredScores(tables, OURS).find(digest("0")) == ()
    tables.heal()
    assert StoredScores(tables, OURS).find(digest("0")) == spam(0)


@pytest.mark.parametrize(
    ("other", "known"),
    [
        ({"banks": "longer", "policy": "stricter"}, True),
        ({"decoder": "decode-2"}, False),
        ({"engine": "gpu"}, False),
        ({"bundles": (replace(BUNDLE, digest="cd" * 32),)}, False),
        ({"bundles": (replace(BUNDLE, version="0.2.0"),)}, False),
        ({"bundles": (BUNDLE, BundleId("pictures", "1", "ef" * 32))}, False),
    ],
)
def test_only_what_makes_scores_must_be_the_same(tables, commit, numbered, other, known):
    commit(tables, "one", *numbered(2))
    found = StoredScores(tables, replace(OURS, digest="e" * 64, **other))
    assert bool(found.find(digest("1"))) == known


def test_runs_made_otherwise_do_not_hide_those_made_alike(tables, commit, numbered, run_row):
    commit(tables, "one", *numbered(3))
    other = replace(OURS, digest="e" * 64, engine="gpu")
    part = tables.write_part("two", (replace(v, run_id="two", fingerprint=other) for v in numbered(6)))
    tables.commit_run(replace(run_row("two", accept=6), fingerprint="e" * 64), [part])
    assert len(StoredScores(tables, OURS)) == 3
    assert len(StoredScores(tables, other)) == 6


def test_an_error_is_never_known(tables, commit, numbered):
    commit(tables, "one", *numbered(1, decision="error", reasons=("missing_score",)), *numbered(1, start=1))
    found = StoredScores(tables, OURS)
    assert len(found) == 1
    assert found.find(digest("0")) == ()


def test_an_error_on_the_same_bytes_does_not_stand_in_for_scores(tables, commit, verdict):
    same = {"sha256": digest("0")}
    held = verdict(uri="/in/a", decision="error", reasons=("classifier_failed",), signals=spam(0.5), **same)
    commit(tables, "one", held, verdict(uri="/in/b", signals=spam(0.7), **same))
    assert StoredScores(tables, OURS).find(digest("0")) == spam(0.7)


def test_the_newest_of_many_is_taken(tables, commit, numbered):
    for run, score in (("zz", 0.1), ("mm", 0.2), ("aa", 0.3)):
        commit(tables, run, *numbered(1, signals=spam(score)))
    assert StoredScores(tables, OURS).find(digest("0")) == spam(0.3)


@pytest.mark.parametrize("shared", [10, 16])
def test_bytes_whose_digest_only_begins_alike_are_not_known(tables, commit, numbered, shared):
    stored = digest("0")
    commit(tables, "one", *numbered(1))
    other = stored[:shared] + digest("another")[shared:]
    assert StoredScores(tables, OURS).find(other) == ()
    assert StoredScores(tables, OURS).find(stored) == spam(0)


def test_what_is_held_in_memory_is_bounded_and_the_newest(tables, commit, numbered):
    for i in range(5):
        commit(tables, f"run-{i}", *numbered(4, start=4 * i))
    found = StoredScores(tables, OURS, most_rows=10)
    assert len(found) == 8
    assert [bool(found.find(digest(str(i)))) for i in range(20)] == [False] * 12 + [True] * 8
    assert len(StoredScores(tables, OURS, most_rows=10, most_files=1)) == 4
    assert found._keys.dtype == np.uint64


def test_a_lookup_opens_a_file_only_for_a_digest_that_is_known(tables, commit, numbered):
    commit(tables, "one", *numbered(600))
    found = StoredScores(tables, OURS)
    [file] = tables.run_files()
    path = Path(tables.table_uri("verdicts"), file.path)
    away = path.rename(path.with_suffix(".away"))
    assert not any(found.find(digest(f"new {i}")) for i in range(2000))
    with pytest.raises(TableError):
        found.find(digest("5"))
    away.rename(path)
    assert found.find(digest("5"))
