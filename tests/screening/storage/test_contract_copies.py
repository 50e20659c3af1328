"""What every store promises of copies and their withdrawal: on a folder, our server, and a bucket of your own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from screening.errors import Replaced, TargetError
from screening.storage import join


def test_copies_once(site):
    upload = site.upload("x")
    assert site.copy(upload) is True
    first = site.store.stat(join(site.live, "cleared.txt"))
    assert site.copy(upload) is False
    assert site.store.stat(join(site.live, "cleared.txt")) == first
    assert site.cleared() == b"as uploaded"


@pytest.mark.parametrize("then", ["replaced", "deleted"])
def test_what_was_copied_stays_done_whatever_became_of_the_source(site, then):
    upload = site.upload("x")
    site.copy(upload)
    if then == "replaced":
        site.upload("x", b"swapped")
    else:
        site.store.delete(upload.uri, upload.generation)
    assert site.copy(upload) is False
    assert site.cleared() == b"as uploaded"


def test_a_copy_leaves_the_source_as_it_is(site):
    upload = site.upload("x")
    site.copy(upload)
    assert site.store.stat(upload.uri, "x") == upload


def test_a_replaced_object_is_not_copied(site):
    upload = site.upload("x")
    site.upload("x", b"swapped!!!!")
    with pytest.raises(Replaced):
        site.copy(upload)
    assert not site.is_cleared()


def test_the_copy_of_an_earlier_generation_is_replaced(site):
    site.copy(site.upload("x", b"older"), b"older")
    newer = site.upload("x", b"newer")
    assert site.copy(newer, b"newer", earlier=b"older") is True
    assert site.cleared() == b"newer"
    assert site.copy(newer, b"newer", earlier=b"older") is False


def test_the_copy_of_a_later_generation_is_left(site):
    older = site.upload("x", b"older")
    newer = site.upload("x", b"newer")
    site.copy(newer, b"newer")
    with pytest.raises(TargetError):
        site.copy(older, b"older")
    assert site.cleared() == b"newer"


@pytest.mark.parametrize("whose", ["another upload's", "somebody's own"])
def test_what_is_not_of_the_same_upload_is_left(site, whose):
    if whose == "somebody's own":
        site.store.put(join(site.live, "cleared.txt"), b"other")
    else:
        site.copy(site.upload("other/x", b"other"), b"other")
    with pytest.raises(TargetError, match="another upload's copy"):
        site.copy(site.upload("x"))
    assert site.cleared() == b"other"


def test_a_refused_copy_leaves_the_target_as_it_is(site):
    site.copy(site.upload("x", b"older"), b"older")
    stale = site.upload("x", b"screened")
    site.upload("x", b"swapped")
    with pytest.raises(Replaced):
        site.copy(stale, b"screened", earlier=b"older")
    assert site.cleared() == b"older"


def test_many_copies_of_one_object_at_once_are_one_copy(site):
    upload = site.upload("x")
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: site.copy(upload), range(8)))
    assert sum(done) >= 1
    assert site.cleared() == b"as uploaded"
    assert [left.name for left in site.store.list(site.live)] == ["cleared.txt"]


def test_a_copy_is_withdrawn_once_and_may_be_made_again(site):
    upload = site.upload("x")
    site.copy(upload)
    assert site.withdraw(upload) is True
    assert not site.is_cleared()
    assert site.store.exists(upload.uri)
    assert site.withdraw(upload) is False
    assert site.copy(upload) is True
    assert site.cleared() == b"as uploaded"


def test_a_copy_is_withdrawn_also_when_its_source_is_gone_or_another(site):
    for swap in (True, False):
        upload = site.upload("x")
        site.copy(upload)
        if swap:
            site.upload("x", b"swapped")
        else:
            site.store.delete(upload.uri, upload.generation)
        assert site.withdraw(upload) is True
        assert not site.is_cleared()


def test_what_is_not_the_copy_is_not_withdrawn(site):
    old = site.upload("x", b"old")
    site.copy(old, b"old")
    new = site.upload("x", b"new")
    site.copy(new, b"new", earlier=b"old")
    with pytest.raises(Replaced):
        site.withdraw(old, b"old")
    assert site.cleared() == b"new"
    site.store.put(join(site.live, "cleared.txt"), b"somebody's own")
    with pytest.raises(Replaced):
        site.withdraw(new, b"new")
    assert site.cleared() == b"somebody's own"
