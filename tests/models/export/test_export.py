"""A file computes what the network computes; a rounded one is held against the exact one on dev rows, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from models.recipe import Recipe, RecipeHead, load_recipe
from screening.errors import ConfigError
from tests.models.conftest import rows as made_rows

pytestmark = pytest.mark.train
TONE = RecipeHead(name="tone", kind="multiclass", labels=("a", "b", "c"), pool="max")
TAGS = RecipeHead(name="tags", kind="multilabel", labels=("x", "y"), pool="max")


@pytest.fixture
def recipe(recipe_file: Path) -> Recipe:
    return load_recipe(recipe_file)


@pytest.fixture
def network(recipe: Recipe, tiny_base: Path, tmp_path: Path) -> Path:
    """Random weights whose logits spread, so that a decision is rarely at the border."""
    from models.text.heads import new_network, save_network

    network = new_network(tiny_base, recipe.heads)
    for linear in network.linear.values():
        linear.weight.data *= 20
    save_network(network, tmp_path / "network")
    return tmp_path / "network"


@pytest.fixture
def dev() -> list[dict[str, Any]]:
    both = {"good": {"tone": [1, 0], "spam": [0]}, "bad": {"tone": [0, 1], "spam": [1]}}
    return [{"text": r["text"], "targets": both[r["label"]]} for r in made_rows(200)]


def weights(path: Path) -> dict[int, int]:
    """Type of the initialisers of 4096 values or more, and how many."""
    large = [t.data_type for t in onnx.load(path).graph.initializer if np.prod(t.dims) >= 4096]
    return {kind: large.count(kind) for kind in set(large)}


@pytest.mark.parametrize(
    ("precision", "kinds"),
    [
        ("fp32", {TensorProto.FLOAT}),
        ("fp16", {TensorProto.FLOAT16}),
        ("int8", {TensorProto.INT8, TensorProto.FLOAT}),
        ("int8_weights", {TensorProto.INT8}),
    ],
)
def test_each_precision_keeps_its_weights_and_its_bar(precision, kinds, recipe, network, dev, tmp_path):
    from models.export.text import export

    asked = None if precision == recipe.precision else precision
    said = export(recipe, network, tmp_path / "model", dev, asked, train=dev)
    assert said == json.loads((tmp_path / "model" / "export.json").read_text())
    assert said["precision"] == precision
    assert said["parity"] <= 1e-4
    assert said["bytes"] == (tmp_path / "model" / "model.onnx").stat().st_size
    assert weights(tmp_path / "model" / "model.onnx").keys() == kinds  # int8: small tables stay float
    graph = onnx.load(tmp_path / "model" / "model.onnx").graph
    assert {i.type.tensor_type.elem_type for i in graph.input} == {TensorProto.INT64}
    assert {o.type.tensor_type.elem_type for o in graph.output} == {TensorProto.FLOAT}
    if precision == "fp32":
        assert "against_fp32" not in said
    else:
        assert {name: each["rows"] for name, each in said["against_fp32"].items()} == {"tone": 200, "spam": 200}
        assert all(0 <= each["max_delta"] < 0.05 for each in said["against_fp32"].values())
        assert said["against_fp32"]["spam"]["auprc_drop"].keys() == {"spam"}
    assert ("float_against_fp32" in said) == (precision == "int8")


@pytest.mark.parametrize("rows", [[], [{"text": "the river", "targets": {}}]], ids=["none", "none that names a head"])
def test_a_rounded_file_is_not_made_without_rows_to_hold_it_against(rows, recipe, network, tmp_path):
    from models.export.text import export

    with pytest.raises(ConfigError, match="dev rows") as caught:
        export(recipe, network, tmp_path / "model", rows)
    assert "--rows" in caught.value.fix
    assert not (tmp_path / "model" / "model.onnx").exists()


def test_a_file_that_decides_otherwise_fails_with_numbers_and_a_way_out(recipe, network, dev, tmp_path, monkeypatch):
    from models.export import quantise
    from models.export.text import ExportError, export

    def coarse(weight, shape, over):
        blocks = weight.reshape(shape)
        scale = np.maximum(np.abs(blocks).max(axis=over, keepdims=True) / np.float32(2), np.float32(1e-9))
        return np.rint(blocks / scale).astype(np.int8), scale.astype(np.float32)

    # So small a network is rounded well by any method that is not wrong.
    monkeypatch.setattr(quantise, "to_int8", coarse)
    with pytest.raises(ExportError, match=r"same decision on \d+\.\d\d % of 200 rows.*--precision fp16") as caught:
        export(recipe, network, tmp_path / "model", dev, "int8_weights")
    assert "head spam" in str(caught.value)
    assert [p.name for p in (tmp_path / "model").iterdir()] == []


def test_a_file_that_computes_something_else_is_not_exported(recipe, network, dev, tmp_path, monkeypatch):
    from models.export import convert
    from models.export.text import ExportError, export

    def skewed(_, network):
        network.linear["spam"].bias.data.add_(0.01)
        return 0

    # No network of ours is exported wrongly: this stands for a fault that we do not know.
    monkeypatch.setattr(convert, "quantise", skewed)
    with pytest.raises(ExportError, match="differ"):
        export(recipe, network, tmp_path / "model", dev, "int8_weights")
    assert not (tmp_path / "model" / "model.onnx").exists()


@pytest.mark.parametrize("shape", [(128, 96), (96, 128), (100, 90), (8, 64, 3, 3)])
def test_rounding_is_off_by_half_a_step_at_most(shape):
    from models.export.quantise import _blocks, to_int8

    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    weight[0] = 0
    for channels in (None, 0, 1) if len(shape) == 2 else (None,):
        q, scale = to_int8(weight, *_blocks(shape, channels))
        back = q * scale
        assert (np.abs(back - weight.reshape(back.shape)) <= scale / 2 * 1.001).all()
        assert np.abs(q).max() == 127


def test_agreement_and_drop_are_what_counting_gives():
    from models.export.rounding import compare_rounded, failures

    exact = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    rounded = exact.copy()
    rounded[1] = [0.5, 0.2, 0.3]
    found = compare_rounded(TONE, exact, rounded, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]])
    assert found["rows"] == 4
    assert found["same_decision"] == 0.75
    assert found["max_delta"] == pytest.approx(0.3)
    # b: rows 0 to 2 say whether they have it; the one that has it falls from first to shared last
    assert found["auprc_drop"]["b"] == pytest.approx(1 - 1 / 2)
    assert found["auprc_drop"]["c"] == 0
    [same, drop] = failures({"tone": found})
    assert "head tone: same decision on 75.00 % of 4 rows" in same
    assert "label b: AUPRC falls by 0.5000" in drop


def test_every_label_of_a_row_counts_and_one_without_both_answers_is_left_out():
    from models.export.rounding import compare_rounded, failures

    exact = np.array([[0.6, 0.4], [0.4, 0.4]])
    rounded = np.array([[0.6, 0.6], [0.4, 0.4]])
    found = compare_rounded(TAGS, exact, rounded, [[1, -1], [0, 1]])
    assert found["same_decision"] == 0.5
    assert found["auprc_drop"] == {"x": 0}
    assert len(failures({"tags": found})) == 1
