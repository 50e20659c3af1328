"""Lost replies, and what others do to a bucket between our calls: nothing is done twice or to another object."""

from __future__ import annotations

from functools import partial

import pytest

from screening.errors import Replaced, TargetError, UploadError
from screening.storage import join
from tests.screening.storage.conftest import count, resource


@pytest.fixture
def site(on_server):
    return on_server


def test_a_copy_whose_reply_was_lost_is_not_made_again(site, gcs_server):
    upload = site.upload("x")
    gcs_server.faults("lost", path="rewriteTo", times=1)
    assert site.copy(upload) is True
    assert count(gcs_server, "POST", "rewriteTo") == 1
    assert resource(gcs_server, join(site.live, "cleared.txt"))["metageneration"] == "1"


def test_a_label_whose_reply_was_lost_is_not_given_again(site, gcs_server):
    upload = site.upload("x")
    gcs_server.faults("lost", method="PATCH", times=1)
    site.store.label(upload.uri, upload.generation, {"a": "b"})
    assert count(gcs_server, "PATCH", "") == 1
    assert resource(gcs_server, upload.uri)["metageneration"] == "2"


def test_a_label_that_is_there_is_not_given_again(site, gcs_server):
    upload = site.upload("x")
    for _ in range(2):
        site.store.label(upload.uri, upload.generation, {"a": "b"})
    assert count(gcs_server, "PATCH", "") == 1


def test_what_takes_the_place_of_a_copy_meanwhile_is_not_withdrawn(site, gcs_server):
    upload = site.upload("x")
    site.copy(upload)
    other = partial(site.store.put, join(site.live, "cleared.txt"), b"another")
    with gcs_server.meanwhile(other, method="DELETE"), pytest.raises(Replaced):
        site.withdraw(upload)
    assert site.cleared() == b"another"


def test_a_deletion_whose_reply_was_lost_does_not_take_what_came_after(site, gcs_server):
    upload = site.upload("x", b"old")
    gcs_server.faults("lost", method="DELETE", times=1)
    newer = partial(site.store.put, upload.uri, b"new")
    with gcs_server.meanwhile(newer, method="DELETE", after=1), pytest.raises(Replaced):
        site.store.delete(upload.uri, upload.generation)
    assert site.store.get(upload.uri) == b"new"


def test_an_object_swapped_while_it_is_labelled_gets_no_label(site, gcs_server):
    upload = site.upload("x")
    swap = partial(site.store.put, upload.uri, b"swapped")
    with gcs_server.meanwhile(swap, method="PATCH"), pytest.raises(Replaced):
        site.store.label(upload.uri, upload.generation, {"screening-decision": "accept"})
    assert site.store.stat(upload.uri).metadata == {}


def test_an_object_swapped_while_it_is_copied_is_not_copied(site, gcs_server):
    upload = site.upload("x", b"screened")
    swap = partial(site.store.put, upload.uri, b"swapped!")
    with gcs_server.meanwhile(swap, path="rewriteTo"), pytest.raises(Replaced):
        site.copy(upload, b"screened")
    assert not site.is_cleared()


def test_an_object_deleted_while_it_is_copied(site, gcs_server):
    upload = site.upload("x")
    gone = partial(site.store.delete, upload.uri, upload.generation)
    with gcs_server.meanwhile(gone, path="rewriteTo"), pytest.raises(UploadError) as caught:
        site.copy(upload)
    assert caught.value.reason == "not_found"


def test_a_target_that_another_wrote_meanwhile_is_left(site, gcs_server):
    upload = site.upload("x")
    other = partial(site.store.put, join(site.live, "cleared.txt"), b"another's")
    with (
        gcs_server.meanwhile(other, path="rewriteTo"),
        pytest.raises(TargetError, match="another upload's copy"),
    ):
        site.copy(upload)
    assert site.cleared() == b"another's"
    statuses = [status for method, path, status in gcs_server.calls() if "rewriteTo" in path]
    assert statuses == [412]


def test_a_target_that_another_copied_meanwhile_is_left(site, gcs_server):
    upload = site.upload("x")
    with gcs_server.meanwhile(lambda: site.copy(upload), path="rewriteTo"):
        site.copy(upload)
    statuses = [status for method, path, status in gcs_server.calls() if "rewriteTo" in path]
    assert sorted(statuses) == [200, 412]


@pytest.fixture
def in_steps(gcs_server):
    gcs_server.rewrite_bytes(1 << 20)
    yield
    gcs_server.rewrite_bytes()


@pytest.mark.usefixtures("in_steps")
def test_a_copy_in_several_calls(site, gcs_server):
    data = b"0123456789abcdef" * (3 << 16)
    upload = site.upload("large", data)
    gcs_server.clear()
    assert site.copy(upload, data) is True
    assert count(gcs_server, "POST", "rewriteTo") == 3
    assert site.cleared() == data


@pytest.mark.usefixtures("in_steps")
def test_a_swap_between_the_calls_of_one_copy(site, gcs_server):
    data = b"0123456789abcdef" * (3 << 16)
    upload = site.upload("large", data)
    swap = partial(site.store.put, upload.uri, b"swapped")
    with gcs_server.meanwhile(swap, path="rewriteToken"), pytest.raises(Replaced):
        site.copy(upload, data)
    assert not site.is_cleared()
