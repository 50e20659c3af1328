"""Generations and preconditions are exact, as Google documents them."""

from __future__ import annotations

import pytest

from tests.gcs.exact.conftest import NAMES, Caller

READS = {
    "get": lambda gcs, query: gcs.json("GET", "x", **query),
    "media": lambda gcs, query: gcs.json("GET", "x", alt="media", **query),
}
CHANGES = {
    "patch": lambda gcs, query: gcs.json("PATCH", "x", **query),
    "delete": lambda gcs, query: gcs.json("DELETE", "x", **query),
}
WRITES = {
    "insert": lambda gcs, query: gcs.insert("x", **query),
    "rewriteTo": lambda gcs, query: gcs.copy("rewriteTo", "source", "x", **query),
    "copyTo": lambda gcs, query: gcs.copy("copyTo", "source", "x", **query),
}
# precondition, value (None: the object's own), status of a read, and of anything that changes
ON_AN_OBJECT = [
    ("ifGenerationMatch", None, 200, 200),
    ("ifGenerationMatch", 1, 412, 412),
    ("ifGenerationMatch", 0, 412, 412),
    ("ifGenerationNotMatch", None, 304, 412),
    ("ifGenerationNotMatch", 1, 200, 200),
    ("ifGenerationNotMatch", 0, 200, 200),
    ("ifMetagenerationMatch", 1, 200, 200),
    ("ifMetagenerationMatch", 2, 412, 412),
    ("ifMetagenerationNotMatch", 1, 304, 412),
    ("ifMetagenerationNotMatch", 2, 200, 200),
]


@pytest.mark.parametrize(("condition", "value", "reading", "changing"), ON_AN_OBJECT)
@pytest.mark.parametrize("operation", READS | CHANGES | WRITES)
def test_preconditions_on_an_object(gcs, operation, condition, value, reading, changing):
    gcs.insert("source")
    gcs.insert("x")
    before = gcs.json("GET", "x").json()
    query = {condition: before["generation"] if value is None else value}
    reply = (READS | CHANGES | WRITES)[operation](gcs, query)
    expected = reading if operation in READS else changing
    assert reply.status_code == (204 if operation == "delete" and expected == 200 else expected)
    if reply.status_code == 412:
        assert reply.json()["error"]["errors"][0]["reason"] == "conditionNotMet"
    if expected != 200:
        assert gcs.json("GET", "x").json() == before, "refused, and yet something has changed"


# with 0, "no live object" is what is asked for; any other precondition fails where there is none
WHERE_THERE_IS_NONE = [
    ("ifGenerationMatch", 0, 200),
    ("ifGenerationMatch", 1, 412),
    ("ifGenerationNotMatch", 0, 412),
    ("ifGenerationNotMatch", 1, 412),
    ("ifMetagenerationMatch", 1, 412),
    ("ifMetagenerationNotMatch", 1, 412),
]


@pytest.mark.parametrize(("condition", "value", "status"), WHERE_THERE_IS_NONE)
@pytest.mark.parametrize("operation", WRITES)
def test_preconditions_of_a_write_where_there_is_no_object(gcs, operation, condition, value, status):
    gcs.insert("source")
    assert WRITES[operation](gcs, {condition: value}).status_code == status
    assert (gcs.generation("x") > 0) == (status == 200)


@pytest.mark.parametrize("operation", READS | CHANGES)
@pytest.mark.parametrize("query", [{}, {"ifGenerationMatch": 0}, {"ifGenerationMatch": 1}])
def test_what_is_not_there_is_not_found(gcs, operation, query):
    assert (READS | CHANGES)[operation](gcs, query).status_code == 404


@pytest.mark.parametrize("how", ["rewriteTo", "copyTo"])
def test_preconditions_on_the_source_of_a_copy(gcs, how):
    gcs.insert("source")
    live = gcs.generation("source")
    for query, status in [
        ({"ifSourceGenerationMatch": live + 1}, 412),
        ({"ifSourceGenerationNotMatch": live}, 412),
        ({"ifSourceMetagenerationMatch": 2}, 412),
        ({"sourceGeneration": live + 1}, 404),
        ({"ifSourceGenerationMatch": live, "ifGenerationMatch": 1}, 412),
        ({"ifSourceGenerationMatch": live, "ifGenerationMatch": 0}, 200),
        ({"ifSourceGenerationMatch": live, "ifGenerationMatch": 0}, 412),
    ]:
        assert gcs.copy(how, "source", "x", **query).status_code == status, query
    assert gcs.copy(how, "gone", "x").status_code == 404


@pytest.mark.parametrize("value", ["x", "1.5", "", "1 "])
def test_a_precondition_that_is_no_number_is_an_error(gcs, value):
    gcs.insert("x")
    assert gcs.json("GET", "x", ifGenerationMatch=value).status_code == 400


def test_a_generation_names_one_state(gcs):
    gcs.insert("x", b"old")
    old = gcs.generation("x")
    gcs.insert("x", b"new")
    new = gcs.generation("x")
    assert new > old
    assert gcs.json("GET", "x", alt="media", generation=new).content == b"new"
    assert gcs.json("GET", "x", alt="media", generation=old).status_code == 404
    assert gcs.json("DELETE", "x", generation=old).status_code == 404
    gcs.json("PATCH", "x")
    patched = gcs.json("GET", "x").json()
    assert (patched["generation"], patched["metageneration"]) == (str(new), "2")


def test_a_versioned_bucket_keeps_what_was_replaced(own_server):
    gcs = Caller(own_server.url, own_server.create_bucket(f"bucket-{next(NAMES)}", versioning=True))
    gcs.insert("x", b"old")
    old = gcs.generation("x")
    gcs.insert("x", b"new")
    assert gcs.json("GET", "x", alt="media", generation=old).content == b"old"
    assert gcs.json("GET", "x", alt="media", ifGenerationMatch=old).status_code == 412
    gcs.json("DELETE", "x")
    assert gcs.json("GET", "x").status_code == 404
    assert [each["name"] for each in gcs.listed().get("items", [])] == []
    assert gcs.json("DELETE", "x", generation=old).status_code == 204
    assert gcs.json("GET", "x", generation=old).status_code == 404
