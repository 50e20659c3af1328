"""Faults strike whom they name, calls are counted, and callers may do what they were given."""

from __future__ import annotations

import pytest
import requests

from tests.gcs.exact.conftest import DATA


def test_faults_strike_whom_they_name_and_no_more(gcs, own_server):
    gcs.insert("x")
    own_server.faults("status", status=429, method="GET", path="alt=media", after=1, times=2)
    assert [gcs.json("GET", "x", alt="media").status_code for _ in range(4)] == [200, 429, 429, 200]
    assert gcs.json("GET", "x").status_code == 200
    assert own_server.hits() == 2


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", requests.exceptions.RequestException),
        ("truncated", requests.exceptions.RequestException),
        ("lost", requests.exceptions.ConnectionError),
    ],
)
def test_faults_break_the_connection(gcs, own_server, kind, error):
    gcs.insert("x", DATA * 10_000)
    own_server.faults(kind, method="GET", times=1)
    with pytest.raises(error):
        gcs.json("GET", "x", alt="media")
    assert gcs.json("GET", "x", alt="media").content == DATA * 10_000


def test_a_short_body_looks_whole(gcs, own_server):
    gcs.insert("x")
    own_server.faults("short", times=1)
    reply = gcs.json("GET", "x", alt="media")
    assert (reply.status_code, reply.content, reply.headers["content-length"]) == (200, DATA[:5], "5")


@pytest.mark.parametrize(("kind", "there"), [("lost", True), ("reset", False), ("status", False)])
def test_a_lost_reply_is_of_a_call_that_took_effect(gcs, own_server, kind, there):
    own_server.faults(kind, method="POST", times=1)
    try:
        assert gcs.insert("x").status_code == 503
    except requests.exceptions.ConnectionError:
        assert kind != "status"
    assert (gcs.generation("x") > 0) is there


def test_faults_by_chance_are_the_same_each_time(gcs, own_server):
    runs = []
    for _ in range(2):
        own_server.clear()
        own_server.faults("status", probability=0.3, seed=7)
        runs.append([gcs.json("GET", "x").status_code for _ in range(40)])
    assert runs[0] == runs[1]
    assert 3 < runs[0].count(503) < 25


def test_calls_are_counted(gcs, own_server):
    own_server.clear()
    gcs.insert("x")
    gcs.json("GET", "gone")
    assert [(method, status) for method, _, status in own_server.calls()] == [("POST", 200), ("GET", 404)]


def test_callers_may_do_what_they_were_given_and_no_more(own_server, gcs):
    gcs.insert("a/1")
    own_server.allow([(f"storage.objects.{verb}", f"{gcs.bucket}/a/") for verb in ("get", "list", "create")])
    try:
        allowed = [gcs.insert("a/2"), gcs.json("GET", "a/1"), gcs.xml("PUT", "a/3", DATA), gcs.xml("GET", "a/1")]
        refused = [
            gcs.insert("a/1"),  # over what is there: that takes the right to delete
            gcs.insert("b"),
            gcs.json("DELETE", "a/1"),
            gcs.json("PATCH", "a/1"),
            gcs.copy("rewriteTo", "a/1", "b"),
            gcs.xml("PUT", "a/1", DATA),
            gcs.xml("PUT", "b", DATA),
            gcs.xml("DELETE", "a/1"),
            gcs.xml("GET", query={"list-type": "2"}),
        ]
        below, above = gcs.listed(prefix="a/"), gcs.listed()
    finally:
        own_server.allow(None)
    assert {reply.status_code for reply in allowed} == {200}
    assert {reply.status_code for reply in refused} == {403}
    assert len(below["items"]) == 3
    assert above["error"]["code"] == 403
    assert gcs.json("DELETE", "a/1").status_code == 204


def test_something_happens_while_a_call_waits(gcs, own_server):
    gcs.insert("x")
    before = gcs.generation("x")
    with own_server.meanwhile(lambda: gcs.insert("x", b"swapped"), method="GET", path="alt=media", after=1):
        assert gcs.json("GET", "x", alt="media").content == DATA
        assert gcs.json("GET", "x", alt="media", ifGenerationMatch=before).status_code == 412
    assert gcs.json("GET", "x", alt="media").content == b"swapped"
