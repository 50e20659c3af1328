"""Rows: labels mapped, copies removed within and across splits, publishers held out, and the generated contrast."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.data.contrast import contrast_rows
from models.data.prepare import normalised, prepare
from models.prepare import main
from models.recipe import Recipe, load_recipe
from models.rows import read_rows
from screening.errors import ConfigError

pytestmark = pytest.mark.train


def prepared(recipe: Recipe, data: Path, out: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    prepare(recipe, data, out)
    return read_rows(out, "train"), read_rows(out, "dev")


def row(text: str, label: str = "good", split: str = "train", **more: str) -> dict[str, str]:
    return {"text": text, "label": label, "split": split, "source": "made", **more}


def write(data: Path, *rows: dict[str, str]) -> None:
    (data / "made.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def test_copies_are_kept_once_and_never_on_both_sides(recipe_file: Path, data: Path, tmp_path: Path) -> None:
    write(
        data,
        row("A cat sat."),
        row("a cat, sat!"),
        row("Only dev", split="dev"),
        row("@someone only dev http://x.example", "bad"),
        row("Kept aside", split="test"),
        row("No label of the recipe", label="other"),
    )
    train, dev = prepared(load_recipe(recipe_file), data, tmp_path / "rows")
    assert [r["text"] for r in train if r["set"] == "made"] == ["A cat sat."]
    assert [r["text"] for r in dev if r["set"] == "made"] == ["Only dev"]
    report = json.loads((tmp_path / "rows" / "leakage.json").read_text())
    assert report["sets"]["made"]["copies"] == {"exact across": 1, "exact conflicts": 1, "exact within train": 1}
    assert report["sets"]["made"]["left_out"] == {"test": 1}
    assert report["sets"]["made"]["label_not_in_recipe"] == {"other": 1}


def test_targets_say_what_a_row_may_be(recipe_file: Path, data: Path, tmp_path: Path) -> None:
    write(data, row("one"), row("two", "bad"))
    train, _ = prepared(load_recipe(recipe_file), data, tmp_path / "rows")
    assert [r["targets"] for r in train if r["set"] == "made"] == [
        {"tone": [1, 0], "spam": [0]},
        {"tone": [0, 1], "spam": [1]},
    ]


def test_held_out_publishers_are_in_dev_whatever_their_split(
    recipe_file: Path, recipe_document: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    recipe_document["sources"][0]["hold_out"] = {"publisher": ["gazette"]}
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    write(data, row("seen", publisher="post"), row("unseen", publisher="gazette"), row("other dev", split="dev"))
    train, dev = prepared(load_recipe(recipe_file), data, tmp_path / "rows")
    assert [r["text"] for r in train if r["set"] == "made"] == ["seen"]
    held = {r["text"]: (r["held_out"], r["part"]) for r in dev if r["set"] == "made"}
    assert held == {"unseen": (True, "gazette"), "other dev": (False, "")}


def test_rows_are_the_same_every_time(recipe_file: Path, data: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file)
    assert prepared(recipe, data, tmp_path / "one") == prepared(recipe, data, tmp_path / "two")


def test_a_set_may_stand_twice_with_other_rows_and_other_labels(
    recipe_file: Path, recipe_document: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    first = recipe_document["sources"][0]
    twice = {"name": "made-loud", "where": {"kind": ["shout"]}, "labels": {"good": {"tone": "loud"}}, "dev": []}
    recipe_document["sources"] = [first | {"where": {"kind": ["talk"]}}, first | twice]
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    write(data, row("one", kind="talk"), row("two", kind="shout"), row("three", kind="sing"),
          row("four", kind="talk", split="dev"))  # fmt: skip
    train, _ = prepared(load_recipe(recipe_file), data, tmp_path / "rows")
    assert [(r["set"], r["text"], r["targets"]) for r in train] == [
        ("made", "one", {"tone": [1, 0], "spam": [0]}),
        ("made-loud", "two", {"tone": [0, 1]}),
    ]
    recipe_document["sources"][1]["name"] = "made"
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    with pytest.raises(ConfigError, match="more than one source is called made"):
        load_recipe(recipe_file)


def test_every_row_that_was_read_is_accounted_for(
    recipe_file: Path, recipe_document: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    limits = {"where": {"kind": ["a", "b"]}, "matching": "[0-9]", "limit": 6, "dev_limit": 3}
    recipe_document["sources"][0] |= limits | {"split": {"by": "given", "field": "kind"}}
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    write(
        data,
        *(row(f"train row {k}", kind="a") for k in range(10)),
        *(row(f"dev row {k}", kind="ab"[k % 2], split="dev") for k in range(6)),
        row("dev row 0!", kind="a", split="dev"),
        row("no digit", kind="a"),
        row(" !", kind="a"),
        row("kept for 1 test", kind="a", split="test"),
        row("of label 3", "other", kind="a"),
        row("of kind 3", kind="c"),
    )
    report = prepare(load_recipe(recipe_file), data, tmp_path / "rows")
    told = report["sets"]["made"]
    assert told == {
        "read": 22,
        "left_out": {"where": 1, "no text": 1, "does not match": 1, "test": 1},
        "label_not_in_recipe": {"other": 1},
        "over_limit": 4,
        "over_dev_limit": 3,
        "copies": {"exact within dev": 1},
        "kept": {"train": 6, "dev": 3},
        "straddling": told["straddling"],
    }
    dev = read_rows(tmp_path / "rows", "dev")
    known = sum(r["part"] == "a" for r in dev if r["set"] == "made")
    assert told["straddling"] == {"groups": 2, "on_both_sides": 1, "share_of_dev": round(known / 3, 3)}
    assert report["kept"]["train"]["made"] == 6
    assert json.loads((tmp_path / "rows" / "leakage.json").read_text()) == report


def test_rows_on_one_side_only_are_refused_with_the_reasons(
    recipe_file: Path, recipe_document: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    recipe_document["sources"].pop()
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    write(data, row("one"), row("two", split="test"))
    with pytest.raises(ConfigError, match="no dev rows") as error:
        prepare(load_recipe(recipe_file), data, tmp_path / "rows")
    assert re.search(r"made +2 +1 ", str(error.value))  # read, and left out: the row of a test split
    assert not (tmp_path / "rows").exists()


def test_the_command_prints_the_report_and_names_what_is_wrong(
    recipe_file: Path, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    argv = [str(recipe_file), "--out", str(tmp_path / "rows"), "--data"]
    with caplog.at_level("INFO"):
        main([*argv, str(data)])
    (line,) = [x.split() for x in caplog.messages[-1].splitlines() if x.startswith("made")]
    assert line[1] == "200"
    with pytest.raises(SystemExit, match="no data set 'made'"):
        main([*argv, str(tmp_path / "none")])


def test_a_missing_set_is_named(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data set 'made'"):
        prepare(load_recipe(recipe_file), tmp_path, tmp_path / "rows")


def test_contrast_templates_are_on_one_side_of_the_split() -> None:
    rows = list(contrast_rows())
    texts = {s: {normalised(r["text"]) for r in rows if r["split"] == s} for s in ("train", "dev")}
    assert not texts["train"] & texts["dev"]
    labels = {s: {r["label"] for r in rows if r["split"] == s} for s in ("train", "dev")}
    assert labels["train"] == labels["dev"] >= {"ordinary", "neutral", "hateful", "sexist", "promotion"}
    assert not [r["text"] for r in rows if "{" in r["text"]]


def test_a_pattern_selects_rows_by_their_words(
    recipe_file: Path, recipe_document: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    recipe_document["sources"][0]["matching"] = r"(?i)\bcats?\b"
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    write(
        data, row("A CAT sat here"), row("catalogue of towns"), row("two cats", split="dev"), row("a dog", split="dev")
    )
    train, dev = prepared(load_recipe(recipe_file), data, tmp_path / "rows")
    assert [r["text"] for r in train if r["set"] == "made"] == ["A CAT sat here"]
    assert [r["text"] for r in dev if r["set"] == "made"] == ["two cats"]
    report = json.loads((tmp_path / "rows" / "leakage.json").read_text())
    assert report["sets"]["made"]["left_out"] == {"does not match": 2}


def test_a_pattern_that_is_none_is_refused(recipe_file: Path, recipe_document: dict[str, Any]) -> None:
    recipe_document["sources"][0]["matching"] = "(cat"
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    with pytest.raises(ConfigError, match=r"made\.matching"):
        load_recipe(recipe_file)
