"""An evaluation of a file whose answers are known, and the card that is made of it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.recipe import Recipe

pytestmark = pytest.mark.train
GOOD = ("river", "town", "council", "budget", "library", "road", "school", "music", "bread", "rain", "garden")
BAD = ("free", "prize", "click", "winner", "cash", "offer", "claim", "urgent", "bonus")
PLACES = ("north", "south", "east")


def word_counter(path: Path, vocabulary: dict[str, int]) -> None:
    """A model of tone and spam whose logits add up what each word says."""
    said = np.zeros((len(vocabulary), 3), np.float32)
    for words, values in ((GOOD, (0.3, -0.3, -0.4)), (BAD, (-0.3, 0.3, 0.4))):
        said[[vocabulary[w] for w in words]] = values
    nodes = [
        helper.make_node("Gather", ["said", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["seen", "last"], ["mask"]),
        helper.make_node("Mul", ["each", "mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["both"], keepdims=0),
        helper.make_node("Split", ["both", "sizes"], ["logits_tone", "logits_spam"], axis=1),
    ]
    constants = {"said": said, "last": np.array([2]), "one": np.array([1]), "sizes": np.array([2, 1])}
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"]) for n in ("input_ids", "attention_mask")]
    outputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", k])
        for n, k in (("logits_tone", 2), ("logits_spam", 1))
    ]
    stored = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "counter", inputs, outputs, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


def made(count: int, seed: int, held_out: bool) -> list[dict[str, Any]]:
    """Rows about whether more bad words than good ones stand in them, one in ten labelled wrongly."""
    chance = random.Random(seed)
    out = []
    for k in range(count):
        share = chance.choice((0.25, 0.75))
        words = [chance.choice(BAD if chance.random() < share else GOOD) for _ in range(chance.randint(6, 30))]
        bad = (share > 0.5) != (chance.random() < 0.1)
        text = " ".join(words) + (" said the women" if k % 3 == 0 else "")
        row = {"id": f"{seed}-{k}", "text": text, "set": "made", "source": "made", "label": "bad" if bad else "good"}
        row |= {"part": chance.choice(PLACES) if held_out else "west", "held_out": held_out, "language": "en"}
        out.append({**row, "targets": {"tone": [int(not bad), int(bad)], "spam": [int(bad)]}})
    return out


@pytest.fixture
def recipe(recipe_document: dict[str, Any], tmp_path: Path) -> Recipe:
    cases = tmp_path / "words.jsonl"
    said = [(" ".join(BAD), True), ("claim your prize now free cash bonus", True)]
    said += [(" ".join(GOOD), False), ("the river and the road, bread and rain, music in the garden", False)]
    cases.write_text(
        "".join(
            json.dumps({"id": str(k), "text": t, "function": "words", "expected": {"spam": e, "any": e}}) + "\n"
            for k, (t, e) in enumerate(said)
        )
    )
    return Recipe.model_validate({**recipe_document, "policy": ["loud", "spam"], "functional": [str(cases)]})


@pytest.fixture
def model(tiny_base: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((tiny_base / "tokenizer.json").read_bytes())
    word_counter(folder / "model.onnx", json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    return folder


def evaluated(recipe: Recipe, model: Path, tmp_path: Path, dev: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    from models.measure.evaluate import evaluate
    from models.rows import write_rows

    write_rows(tmp_path / "rows", {"train": made(300, 1, False), "dev": dev})
    return evaluate(recipe, tmp_path / "rows", model, **more)


def test_every_figure_has_an_interval_and_the_floor_beside_it(recipe: Recipe, model: Path, tmp_path: Path) -> None:
    found = evaluated(recipe, model, tmp_path, made(400, 2, False))
    for head in ("tone", "spam"):
        metrics = found["metrics"][head]
        assert 0.8 < metrics["auroc"] < 1
        for name, (low, high) in metrics["intervals"].items():
            assert low <= metrics[name] <= high, name
        assert set(metrics["intervals"]) == set(metrics["floor"]["intervals"])
        low, high = metrics["over_floor"]["auroc"]["interval"]
        assert low <= metrics["over_floor"]["auroc"]["delta"] <= high
        assert metrics["over_floor"]["auroc"]["delta"] == pytest.approx(
            metrics["auroc"] - metrics["floor"]["auroc"], abs=1e-9
        )
        assert high - low < 0.1  # paired: both see the same wrong labels
        assert (model / "plots" / f"{head}.svg").read_text().count("floor") >= 1
    assert found["metrics"]["functional"]["words"]["passed"] == 4
    assert found["metrics"]["any_category"]["floor"]["auroc"] > 0.5
    assert found["slices"]["spam"]["group"]["women"]["rows"] == 134
    written = json.loads((model / "evaluation.json").read_text())
    assert (written["metrics"], written["slices"]) == (found["metrics"], found["slices"])
    assert set(json.loads((model / "calibration.json").read_text())) == {"calm", "loud", "spam"}


def test_a_row_counts_once_in_the_tables_though_its_set_is_harmless_too(
    recipe: Recipe, model: Path, tmp_path: Path
) -> None:
    harmless = recipe.sources[0].model_copy(update={"harmless": True})
    both = recipe.model_copy(update={"sources": (harmless, *recipe.sources[1:])})
    found = evaluated(both, model, tmp_path, made(200, 2, False))
    tables = json.loads((model / "calibration.json").read_text())
    assert tables["spam"]["rows"] == found["metrics"]["spam"]["rows"]
    assert tables["spam"]["positives"] == found["metrics"]["spam"]["positives"]


def test_aims_stand_on_the_card_reached_or_not(recipe: Recipe, model: Path, tmp_path: Path) -> None:
    from models.publish.card import card

    aiming = recipe.model_copy(update={"aims": {"spam": {"auroc": 0.5, "macro_f1": 0.9999}}})
    page = card(aiming, evaluated(aiming, model, tmp_path, made(200, 2, False)))
    assert "| `spam` | auroc | 0.5 |" in page
    assert page.count("**short**") == page.count("| reached |") == 1


def test_the_same_rows_give_the_same_evaluation(recipe: Recipe, model: Path, tmp_path: Path) -> None:
    names = ("evaluation.json", "calibration.json", "plots/tone.svg", "plots/spam.svg")
    said = []
    for _ in range(2):
        evaluated(recipe, model, tmp_path, made(200, 2, False))
        said.append([(model / name).read_bytes() for name in names])
    assert said[0] == said[1]


def test_unseen_publishers_are_drawn_whole_and_stand_first_on_the_card(
    recipe: Recipe, model: Path, tmp_path: Path
) -> None:
    from models.publish.card import card

    plain = evaluated(recipe, model, tmp_path, made(400, 2, False))["metrics"]["spam"]
    dev = made(400, 2, True) + made(200, 3, False)
    for row in dev:  # a publisher on which the model is wrong
        if row["part"] == "east":
            row["targets"] = {"tone": row["targets"]["tone"][::-1], "spam": [1 - row["targets"]["spam"][0]]}
    found = evaluated(recipe, model, tmp_path, dev)
    held = found["metrics"]["spam"]
    assert (held["rows"], held["publishers"], held["same_publishers"]["rows"]) == (400, 3, 200)
    assert held["parts"]["east"]["auroc"] < 0.3 < 0.7 < held["parts"]["north"]["auroc"]
    wide, narrow = (x["intervals"]["auroc"][1] - x["intervals"]["auroc"][0] for x in (held, plain))
    assert wide > 3 * narrow
    page = card(recipe, found)
    assert page.index("## Out of domain: `spam`") < page.index("## Heads")
    section = page[page.index("## Out of domain: `spam`") :]
    beside = next(line for line in section.splitlines() if line.startswith("| AUROC | **"))
    assert f"{held['auroc']:.3f}" in beside
    assert f"{held['same_publishers']['auroc']:.3f}" in beside
    assert "Not shown to be better than the floor in AUROC" in page


def test_the_card_holds_what_was_measured_and_no_more(recipe: Recipe, model: Path, tmp_path: Path) -> None:
    from models.publish.card import card

    found = evaluated(recipe, model, tmp_path, made(300, 2, False))
    page = card(recipe, found)
    for head in ("tone", "spam"):
        metrics = found["metrics"][head]
        for value in (metrics["auroc"], metrics["floor"]["macro_f1"], metrics["best_decision"]["macro_f1"]):
            assert f"{value:.3f}" in page
    assert "Out of domain" not in page
    assert "4 of 4 cases passed" in page
    assert "| women | 100 |" in page
    for line, after in zip(page.splitlines(), page.splitlines()[1:], strict=False):
        if line.startswith("|") and after.startswith("|"):
            assert line.count("|") == after.count("|"), line
    bare = card(recipe, evaluated(recipe, model, tmp_path, made(300, 2, False), floor=False))
    assert "its floor |" not in bare.replace("AUPRC | its floor | AUROC | its floor |", "")
    assert "above the floor" not in bare


def test_a_head_whose_dev_rows_lack_a_class_is_refused(recipe: Recipe, model: Path, tmp_path: Path) -> None:
    from screening.errors import ConfigError

    dev = [r for r in made(200, 2, False) if r["label"] == "good"]
    with pytest.raises(ConfigError, match=r"'tone'.*lack a class"):
        evaluated(recipe, model, tmp_path, dev)
