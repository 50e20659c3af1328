"""A static int8 file multiplies integers in both runtimes, decides as the float32 file does, and also runs in float."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from models.recipe import Recipe, load_recipe
from screening.errors import ConfigError
from tests.models.conftest import make_base, make_document
from tests.models.conftest import rows as made_rows

pytestmark = pytest.mark.train
Feed = dict[str, Any]
FEED = {"input_ids": np.array([[2, 5, 9, 11, 7, 3], [2, 8, 3, 0, 0, 0]]), "attention_mask": np.ones((2, 6), np.int64)}
FEED["attention_mask"][1, 3:] = 0
NAMES = ["logits_tone", "logits_spam"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, list[dict[str, Any]]]:
    """A recipe, a random network with one channel far above the others, and rows."""
    import yaml

    from models.text.heads import new_network, save_network

    place = tmp_path_factory.mktemp("qdq")
    base = make_base(place)
    (place / "tiny.yaml").write_text(yaml.safe_dump(make_document(place)))
    recipe = load_recipe(place / "tiny.yaml")
    network = new_network(base, recipe.heads)
    for layer in network.encoder.encoder.layer:
        layer.attention.output.LayerNorm.weight.data[5] = 20
    for linear in network.linear.values():
        linear.weight.data *= 20
    save_network(network, place / "network")
    both = {"good": {"tone": [1, 0], "spam": [0]}, "bad": {"tone": [0, 1], "spam": [1]}}
    return recipe, place / "network", [{"text": r["text"], "targets": both[r["label"]]} for r in made_rows(200)]


@pytest.fixture(scope="module")
def files(made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The float32 file and the static one."""
    from models.export.text import export

    recipe, network, rows = made
    place = tmp_path_factory.mktemp("files")
    for precision in ("fp32", "int8"):
        export(recipe, network, place / precision, rows, precision, rows)
    return place / "fp32" / "model.onnx", place / "int8" / "model.onnx"


def run(model: bytes, feed: Feed) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate(session.run(NAMES, feed), 1)


def run_openvino(model: bytes, feed: Feed) -> np.ndarray:
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    said = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(feed)
    return np.concatenate([said[name] for name in NAMES], 1)


def operators(path: Path, tmp_path: Path) -> list[str]:
    """What ONNX Runtime runs after its own passes."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node]


def test_both_runtimes_run_it_close_to_float32(files):
    exact, static = (file.read_bytes() for file in files)
    wanted = run(exact, FEED)
    assert 0 < np.abs(run(static, FEED) - wanted).max() < 0.1 * np.abs(wanted).max()
    assert np.abs(run_openvino(static, FEED) - run(static, FEED)).max() < 0.05 * np.abs(wanted).max()


def test_onnx_runtime_multiplies_integers(files, tmp_path):
    kinds = operators(files[1], tmp_path)
    assert sum("MatMulInteger" in kind or kind == "QLinearMatMul" for kind in kinds) == 12  # six of each layer
    assert "DynamicQuantizeLinear" not in kinds


def test_no_score_depends_on_its_neighbours(files):
    static = files[1].read_bytes()
    alone = run(static, {name: value[1:, :3] for name, value in FEED.items()})
    loud = {**FEED, "input_ids": FEED["input_ids"].copy()}
    loud["input_ids"][0] = 30
    assert np.abs(run(static, FEED)[1] - alone[0]).max() < 1e-3
    assert np.abs(run(static, loud)[1] - run(static, FEED)[1]).max() < 1e-5


def test_in_float_it_is_the_network_but_for_the_rounding_of_weights(files, tmp_path):
    from screening.classifiers.engines.floats import float_graph

    exact, static = (file.read_bytes() for file in files)
    floats = float_graph(static)
    (tmp_path / "float.onnx").write_bytes(floats)
    wanted = run(exact, FEED)
    left = run(floats, FEED)
    assert 0 < np.abs(left - wanted).max() < 0.02 * np.abs(wanted).max()
    assert np.abs(left - run(static, FEED)).max() > 1e-4
    assert not any("Quantize" in kind for kind in operators(tmp_path / "float.onnx", tmp_path))
    kinds = [[node.op_type for node in onnx.load_from_string(each).graph.node] for each in (exact, floats)]
    assert kinds[0].count("MatMul") == kinds[1].count("MatMul")  # no product is left in two parts
    assert np.abs(run_openvino(floats, FEED) - run(floats, FEED)).max() < 1e-3
    assert float_graph(floats) == floats


def test_a_coarse_one_is_refused(made, tmp_path, monkeypatch):
    from models.export import qdq
    from models.export.text import ExportError, export

    recipe, network, rows = made
    # So small a network is rounded well by any method that is not wrong.
    monkeypatch.setattr(qdq, "gptq", lambda weight, _: (np.sign(weight).astype(np.int8), np.abs(weight).max(0)))
    with pytest.raises(ExportError, match="int8 is too far from fp32"):
        export(recipe, network, tmp_path / "model", rows, "int8", rows)
    assert not (tmp_path / "model" / "model.onnx").exists()


def test_without_training_rows_there_are_no_scales(made, tmp_path):
    from models.export.text import export

    recipe, network, rows = made
    with pytest.raises(ConfigError, match="training texts") as caught:
        export(recipe, network, tmp_path / "model", rows, "int8")
    assert "int8_weights" in caught.value.fix


def test_the_largest_channels_are_not_rounded():
    from models.export.qdq import Seen

    low, high = np.full(48, -1, np.float32), np.full(48, 2, np.float32)
    low[7], high[30] = -40, 30
    seen = Seen(low, high, np.eye(48), 1)
    aside, rest = seen.split()
    assert aside.tolist() == [7, 30]
    assert sorted([*aside, *rest]) == list(range(48))
    assert seen.of(rest).grid(seen.of(rest).smooth())[1] == np.float32(3 / 255)


def test_a_large_table_is_stored_in_blocks_and_a_small_one_as_it_is():
    from models.export.quantise import store_tables

    rng = np.random.default_rng(0)
    tables = {name: rng.normal(size=(rows, 128)).astype(np.float32) for name, rows in (("words", 8000), ("places", 64))}
    tables["words"][:, 5] = 30
    nodes = [onnx.helper.make_node("Gather", [name, "ids"], [f"{name}.row"]) for name in tables]
    ids = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, [None])
    rows = [onnx.helper.make_tensor_value_info(f"{name}.row", onnx.TensorProto.FLOAT, [None, 128]) for name in tables]
    stored = [onnx.numpy_helper.from_array(table, name) for name, table in tables.items()]
    graph = onnx.helper.make_graph(nodes, "tables", [ids], rows, stored)
    model = onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 20)])
    store_tables(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    words, places = session.run(None, {"ids": np.arange(64)})
    assert len(model.SerializeToString()) < 0.3 * tables["words"].nbytes
    assert np.array_equal(places, tables["places"])
    error = np.abs(words - tables["words"][:64])
    assert 0 < error[:, 64:].max() < 0.03 < error.max() < 30 / 127  # the large value spoils its own block alone


def test_rounding_one_after_the_other_beats_rounding_each_alone():
    from models.export.qdq import gptq

    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 40)) @ rng.normal(size=(40, 40))
    weight = rng.normal(size=(40, 8)).astype(np.float32)
    q, scale = gptq(weight, x.T @ x)
    alone = np.rint(weight / scale) * scale
    assert np.abs(q).max() <= 127
    assert np.square(x @ (q * scale - weight)).sum() < 0.5 * np.square(x @ (alone - weight)).sum()
