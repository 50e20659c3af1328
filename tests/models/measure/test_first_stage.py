"""What a first stage clears and loses is counted against the classifier's own findings, on rows that set no level."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from screening.errors import ConfigError
from tests.screening.classifiers.tiny import VOID, text_bundle

pytestmark = pytest.mark.train
PLAIN = ("news", "weather", "river", "very", "the", "a", "good")
POLICY = """
policy: tiny
version: 3
languages: [en]
categories:
  - {id: hatred, signal: hate, review: 0.5, reject: 0.9, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}
  - {id: scam, signal: spam, review: 0.5}
"""


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    return str(text_bundle(tmp_path / "bundle"))


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return str(path)


def texts(count: int, seed: int) -> list[str]:
    """One in five is full of a word that the bundle finds."""
    chance = random.Random(seed)
    return [
        " ".join([*chance.choices(PLAIN, k=5), *([chance.choice(("bad", "win"))] * 9 if k % 5 == 0 else [])])
        for k in range(count)
    ]


def written(folder: Path, train: list[str], dev: list[str]) -> Path:
    from models.rows import write_rows

    splits = {"train": train, "dev": dev}
    rows = {n: [{"id": f"{n}{k}", "text": x, "targets": {}} for k, x in enumerate(all_)] for n, all_ in splits.items()}
    write_rows(folder, rows)
    return folder


def without_costs(found: dict[str, Any]) -> dict[str, Any]:
    kept = {keep: told["shares"] for keep, told in found["kept"].items()}
    return {**found, "kept": kept, "model_ms_per_row": None, "stage_us_per_row": None}


def test_what_words_give_away_is_cleared_without_loss(tmp_path: Path, bundle: str, policy: str) -> None:
    from models.measure.first_stage import first_stage

    rows = written(tmp_path / "rows", texts(200, 1), texts(300, 2))
    found = first_stage(rows, bundle, policy, 150, seed=3)
    assert found["rows"] == {"train": 150, "dev": 300}
    shares = found["kept"]["1"]["shares"]
    assert shares["rows"]["of"] == 150  # the other half set the level
    assert shares["any finding"]["cleared"] == shares["hatred"]["cleared"] == shares["scam"]["cleared"] == 0
    assert shares["hatred"]["of"] + shares["scam"]["of"] == shares["any finding"]["of"] > 10
    assert shares["clean rows"]["share"] > 0.95
    assert without_costs(found) == without_costs(first_stage(rows, bundle, policy, 150, seed=3))


def test_verdicts_lost_are_counted_by_category_and_level() -> None:
    from models.measure.first_stage import ANY, REJECT, Graded, judged

    kinds = {"clean": (0.2, 0.1), "near": (0.85, 0.1), "hatred": (1.0, 0.2), "reject": (1.9, 0.2), "scam": (0.1, 1.5)}
    kind = np.array(list(kinds) * 100)
    hatred, scam = (np.array([kinds[k][i] for k in kind]) for i in (0, 1))
    tokens = np.where(kind == "scam", 400.0, 100.0)
    over = {ANY: np.maximum(hatred, scam), REJECT: hatred / 1.8, "hatred": hatred, "scam": scam}
    rows = Graded([""] * 500, tokens, 1.0, over)
    where = np.arange(500) >= 250
    below = np.isin(kind, ("clean", "near", "reject")) | ~where  # what is cleared elsewhere must not count
    told = judged(rows, where, below, cost=0.05, seed=1)
    counts = {name: (x["cleared"], x["of"]) for name, x in told["shares"].items()}
    assert counts == {
        "rows": (150, 250),
        "tokens": (15_000, 40_000),
        "clean rows": (100, 100),
        "clean tokens": (10_000, 10_000),
        "any finding": (50, 150),
        "any reject": (50, 50),
        "stricter policy": (100, 200),
        "hatred": (50, 100),
        "scam": (0, 50),
    }
    low, high = told["shares"]["any finding"]["interval"]
    assert 0.2 < low < 1 / 3 < high < 0.45
    assert told["shares"]["scam"]["at_most"] > 0.05  # none of 50 says little
    assert told["speed_up"]["dev"] == pytest.approx(1 / (0.05 + 25 / 40), abs=1e-3)
    ordinary = 0.95 * 100  # cleared whole; of the others 50 of 150 rows, or 5,000 of 30,000 tokens, 200 a row
    assert told["speed_up"]["ordinary"] == pytest.approx(1 / (0.05 + 0.05 * 200 * 5 / 6 / (ordinary + 10)), abs=1e-3)


def test_the_level_keeps_the_wanted_share() -> None:
    from models.measure.first_stage import clearing_level

    scores = np.random.default_rng(1).permutation(1000) / 1000
    for keep, lost in ((1.0, 0), (0.999, 1), (0.99, 10), (0.9, 100)):
        assert (scores < clearing_level(scores, keep)).sum() == lost


def test_rows_that_can_not_be_judged_stop_it(tmp_path: Path, bundle: str, policy: str) -> None:
    from models.measure.first_stage import first_stage

    with pytest.raises(ConfigError, match="can't score row 'dev1'"):
        first_stage(written(tmp_path / "a", texts(50, 1), ["river", f"a {VOID}"]), bundle, policy, 50, seed=3)
    with pytest.raises(ConfigError, match="one label only"):
        first_stage(written(tmp_path / "b", ["the river"] * 9, texts(50, 1)), bundle, policy, 50, seed=3)
    with pytest.raises(ConfigError, match="no finding"):
        first_stage(written(tmp_path / "c", texts(50, 1), ["the river"] * 9), bundle, policy, 50, seed=3)


def test_the_command_prints_a_table_and_writes_the_figures(
    tmp_path: Path, recipe_file: Path, bundle: str, policy: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from models.first_stage import main

    rows, out = str(written(tmp_path / "rows", texts(60, 1), texts(60, 2))), tmp_path / "to"
    said = [str(recipe_file), "--rows", rows, "--bundle", bundle, "--policy", policy, "--out", str(out)]
    main(said)
    found = json.loads((out / "first_stage.json").read_text())
    assert "policy tiny 3" in found["scored"]
    assert set(found["kept"]) == {"1", "0.999", "0.99"}
    assert found["stage_us_per_row"] > 0
    assert found["model_ms_per_row"] > 0
    assert "hatred" in capsys.readouterr().out
