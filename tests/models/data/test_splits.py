"""Rows are on the same side every time, groups are whole, and a test split stays where it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from models.data.splits import day_of, sides
from models.recipe import Split


def made(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": str(k), "text": f"text {k}", "publisher": f"p{k % 10}", **more} for k in range(count)]


def test_by_lot_takes_its_share_whatever_the_order_of_rows() -> None:
    rows = made(200)
    how = Split(by="random", dev=0.2)
    first = dict(zip((r["id"] for r in rows), sides(rows, how, seed=7), strict=True))
    again = dict(zip((r["id"] for r in reversed(rows)), sides(rows[::-1], how, seed=7), strict=True))
    assert list(first.values()).count("dev") == 40
    assert first == again
    assert first != dict(zip((r["id"] for r in rows), sides(rows, how, seed=8), strict=True))


def test_groups_are_whole() -> None:
    rows = [*made(200), {"id": "x", "text": "of nobody", "publisher": None}]
    side = sides(rows, Split(by="group", field="publisher", dev=0.3), seed=7)
    of = {s: {r["publisher"] for r, x in zip(rows, side, strict=True) if x == s} for s in ("train", "dev")}
    assert len(of["dev"]) == 3
    assert not of["train"] & of["dev"]
    assert side[-1] == "no group"


def test_the_smallest_group_is_dev_where_all_are_too_large() -> None:
    rows = [{"text": "a", "publisher": p} for p in "xxxxyyyzzzz"]
    side = sides(rows, Split(by="group", field="publisher", dev=0.1), seed=7)
    assert {r["publisher"] for r, s in zip(rows, side, strict=True) if s == "dev"} == {"y"}


def test_by_date_later_rows_are_dev() -> None:
    when = [
        "2025-12-31",
        "2026-01-01",
        "2025-12-31T23:00:00-05:00",
        datetime(2026, 2, 1, tzinfo=UTC),
        "last week",
        None,
    ]
    rows = [{"text": "a", "date": each} for each in when]
    side = sides(rows, Split.model_validate({"by": "date", "field": "date", "after": "2026-01-01"}), seed=7)
    assert side == ["train", "dev", "dev", "dev", "no date", "no date"]


@pytest.mark.parametrize(
    "how",
    [
        {"by": "given"},
        {"by": "random", "dev": 0.5},
        {"by": "group", "field": "publisher"},
        {"by": "date", "field": "date", "after": "2026-01-01"},
    ],
)
def test_a_test_split_is_never_read(how: dict[str, Any]) -> None:
    rows = [*made(20, split="train", date="2026-01-02"), *made(20, split="test", date="2026-01-02")]
    side = sides(rows, Split.model_validate(how), seed=7)
    assert side[20:] == ["test"] * 20
    assert "test" not in side[:20]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"by": "group"}, "needs `field`"),
        ({"by": "date", "field": "date"}, "a split by date needs `after`"),
        ({"by": "random", "after": "2026-01-01"}, "other splits can't have it"),
        ({"by": "random", "dev": 1.0}, "less than 1"),
        ({"by": "publisher"}, "'group'"),
    ],
)
def test_a_split_that_does_not_say_enough_is_refused(how: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Split.model_validate(how)


@pytest.mark.parametrize(("said", "known"), [("2026-03-01T12:00:00Z", True), ("20260301", True), ("", False)])
def test_days_are_iso_8601(said: str, known: bool) -> None:
    assert (day_of(said) is not None) is known
