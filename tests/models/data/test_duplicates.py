"""Near copies are found, and only they; dev wins; what differs by design or in what it says stays."""

from __future__ import annotations

import random
from typing import Any

import pytest

from models.data.duplicates import NEAR, SHORTEST, Texts, drop_copies, normalised, shingles, similarity
from tests.models.conftest import WORDS

pytestmark = pytest.mark.train

LONG = "the council of the town by the river has a new budget for the library and the school"


def row(text: str, made_by: str = "made", **targets: list[int]) -> dict[str, Any]:
    return {"text": text, "set": made_by, "targets": targets or {"spam": [0]}}


def dropped(
    train: list[dict[str, Any]], dev: list[dict[str, Any]]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    told: dict[str, dict[str, Any]] = {"made": {}, "generated": {}}
    return drop_copies({"train": train, "dev": dev}, {"generated"}, told), told


def test_all_found_are_near_and_nearly_all_that_are_near_are_found() -> None:
    chance = random.Random(3)
    originals = [[chance.choice(WORDS) for _ in range(chance.randint(8, 40))] for _ in range(150)]
    texts, keys, near, found = Texts(), [], 0, 0
    for number, words in enumerate(originals):
        keys.append(" ".join(words))
        texts.add(number, keys[-1])
    for number, words in enumerate(originals):
        changed = list(words)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(len(words))] = chance.choice(WORDS)
        key = " ".join(changed)
        truth = [n for n, other in enumerate(keys) if similarity(shingles(key), shingles(other)) >= NEAR]
        kind, numbers = texts.find(key)
        if kind != "exact" and len(shingles(key)) >= SHORTEST:
            assert set(numbers) <= set(truth)
            near += number in truth
            found += number in numbers
    assert near > 20
    assert found >= 0.9 * near


def test_copies_share_words_not_marks_or_capitals() -> None:
    assert normalised("A cat, sat! https://x.example @you") == normalised("a CAT sat")
    texts = Texts()
    texts.add(5, normalised("A cat sat."))
    assert texts.find(normalised("a cat sat")) == ("exact", [5])
    assert texts.find(normalised("a cat sits")) == ("", [])


def test_a_train_row_near_a_dev_row_goes_whatever_it_says() -> None:
    kept, told = dropped([row(LONG + " again", spam=[1]), row("quite another text")], [row(LONG)])
    assert [r["text"] for r in kept["train"]] == ["quite another text"]
    assert [r["text"] for r in kept["dev"]] == [LONG]
    assert told["made"]["copies"] == {"near across": 1, "near conflicts": 1}


def test_near_copies_on_one_side_are_kept_once_unless_they_contradict_each_other() -> None:
    kept, told = dropped([row(LONG), row(LONG + "s"), row(LONG + " not", spam=[1])], [])
    assert [r["text"] for r in kept["train"]] == [LONG, LONG + " not"]
    assert told["made"]["copies"] == {"near conflicts": 1, "near within train": 1}


def test_generated_rows_may_be_alike_but_not_across_the_split() -> None:
    twins = [row(LONG, "generated"), row(LONG + "s", "generated")]
    kept, _ = dropped([dict(r) for r in twins], [])
    assert len(kept["train"]) == 2
    kept, told = dropped(twins[:1], twins[1:])
    assert (len(kept["train"]), len(kept["dev"])) == (0, 1)
    assert told["generated"]["copies"] == {"near across": 1}


def test_short_texts_are_copies_only_when_they_are_the_same() -> None:
    kept, _ = dropped([row("see you later"), row("see you late"), row("See you later!")], [])
    assert [r["text"] for r in kept["train"]] == ["see you later", "see you late"]


def test_a_copy_hands_on_what_the_first_does_not_know() -> None:
    kept, told = dropped([row("one text", spam=[0]), row("One text.", tone=[1, 0], spam=[1])], [])
    assert [r["targets"] for r in kept["train"]] == [{"spam": [0], "tone": [1, 0]}]
    assert told["made"]["copies"] == {"exact conflicts": 1, "exact within train": 1}


@pytest.mark.parametrize(
    ("one", "other", "conflicts"), [([1, 1, 0], [0, 1, 1], 0), ([1, 0, 0], [0, 1, 1], 1), ([0, 1, 0], [0, 1, 0], 0)]
)
def test_partial_labels_conflict_when_no_label_is_left(one: list[int], other: list[int], conflicts: int) -> None:
    _, told = dropped([row("one text", tone=one), row("one text", tone=other)], [])
    assert told["made"]["copies"].get("exact conflicts", 0) == conflicts
