"""A bundle that is not whole, or not what its graph is, is refused with the file, the reason and the way out."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from screening.classifiers import Classifier, find_bundles, load_bundle
from screening.errors import ConfigError
from tests.screening.classifiers.tiny import publish


@pytest.fixture
def bundle(tiny_bundle) -> Path:
    return tiny_bundle()


def said(bundle: Path) -> dict:
    return json.loads((bundle / "bundle.json").read_text())


def edit(bundle: Path, **changes: object) -> None:
    (bundle / "bundle.json").write_text(json.dumps({**said(bundle), **changes}))


def again(bundle: Path, **changes: object) -> None:
    """Publish what lies in the folder now."""
    publish(bundle, {**{key: value for key, value in said(bundle).items() if key != "files"}, **changes})


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def replace(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    again(path.parent)


def lists(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"x")
    again(bundle)


def head(bundle: Path, **changes: object) -> None:
    first, second = said(bundle)["heads"]
    edit(bundle, heads=[{**first, **changes}, second])


def graph(bundle: Path, change) -> None:
    """Another graph in its place, published properly."""
    model = onnx.load(bundle / "model.onnx")
    change(model.graph)
    replace(bundle / "model.onnx", model.SerializeToString())


def outside(graph: onnx.GraphProto) -> None:
    """Weights in another file, here the tokenizer's."""
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "tokenizer.json"), ("offset", "0"), ("length", "224")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def one_at_a_time(graph: onnx.GraphProto) -> None:
    for each in (*graph.input, *graph.output):
        each.type.tensor_type.shape.dim[0].ClearField("dim_param")
        each.type.tensor_type.shape.dim[0].dim_value = 1


def floats(graph: onnx.GraphProto) -> None:
    graph.input[1].type.tensor_type.elem_type = TensorProto.FLOAT


def mean_over_rows(graph: onnx.GraphProto, axis: str) -> None:
    """Logits that are the mean over the batch: one row, whatever the number of texts."""
    graph.initializer.append(numpy_helper.from_array(np.array([0]), "axis0"))
    graph.node[-1].input[0] = "all"
    graph.node.insert(len(graph.node) - 1, onnx.helper.make_node("ReduceMean", ["mean", axis], ["all"]))


def one_row(graph: onnx.GraphProto) -> None:
    mean_over_rows(graph, "axis0")


def one_row_in_disguise(graph: onnx.GraphProto) -> None:
    """The axis is computed, so that the shape of the output isn't known before it runs."""
    mean_over_rows(graph, "axis")
    for op, inputs, output in (
        ("ReduceMin", ["attention_mask"], "least"),
        ("Reshape", ["least", "one"], "least1"),
        ("Sub", ["least1", "least1"], "axis"),
    ):
        graph.node.insert(len(graph.node) - 2, onnx.helper.make_node(op, inputs, [output]))


def mixes_rows(graph: onnx.GraphProto) -> None:
    """Logits less their mean over the batch, as a dynamic quantisation has it in small."""
    one_row(graph)
    graph.node[-1].input[0] = "less"
    graph.node.insert(len(graph.node) - 1, onnx.helper.make_node("Sub", ["mean", "all"], ["less"]))


RULES = {"max_tokens": 16, "overlap": 4, "sentences": 1}
BROKEN = {
    "a flipped byte": (lambda b: flip(b / "model.onnx"), "model.onnx is not the file that was published"),
    "a flipped byte in the tokenizer": (lambda b: flip(b / "tokenizer.json"), "tokenizer.json is not the file"),
    "a missing file": (lambda b: (b / "model.onnx").unlink(), "model.onnx is missing"),
    "a listed card that is missing": (lambda b: (lists(b, "MODEL_CARD.md"), (b / "MODEL_CARD.md").unlink()), "missing"),
    "a file nobody listed": (lambda b: (b / "weights.pkl").write_bytes(b"x"), "weights.pkl is not listed"),
    "a listed file of no use": (lambda b: lists(b, "weights.pkl"), "a bundle may not hold the file 'weights.pkl'"),
    "no bundle.json": (lambda b: (b / "bundle.json").unlink(), "no such file"),
    "no JSON": (lambda b: (b / "bundle.json").write_text("{"), "Invalid JSON"),
    "an unknown field": (lambda b: edit(b, extra=1), "extra: Extra inputs are not permitted"),
    "another format": (lambda b: edit(b, format=2), "format: "),
    "a label twice": (lambda b: head(b, labels=["spam", "x", "y"]), "'spam' is used twice"),
    "a model that is no ONNX": (lambda b: edit(b, model="model.pt"), "model: "),
    "a path out of the folder": (lambda b: edit(b, model="../model.onnx"), "model: "),
    "a file without sha256": (lambda b: edit(b, files={}), "is not in `files`"),
    "a version that is no number": (lambda b: edit(b, version="latest"), "version: "),
    "an overlap of nearly a window": (lambda b: edit(b, text={"max_tokens": 16, "overlap": 12}), "more than half"),
    "scales for other labels": (lambda b: head(b, calibration={"scale": [1], "shift": [0]}), "per label"),
    "a scale that is no number": (
        lambda b: head(b, calibration={"scale": [float("nan")] * 3, "shift": [0] * 3}),
        "finite",
    ),
    "a calibration of no label": (
        lambda b: replace(b / "calibration.json", (b / "calibration.json").read_bytes().replace(b"spam", b"span")),
        "'span' is not a label of the bundle",
    ),
    "a calibration that falls": (
        lambda b: replace(b / "calibration.json", (b / "calibration.json").read_bytes().replace(b"0.1,", b"0.9,")),
        "thresholds do not rise",
    ),
    "a head about sentences without their rules": (lambda b: head(b, unit="sentence"), "go together"),
    "rules for sentences that no head scores": (lambda b: edit(b, text=RULES), "go together"),
    "rules of another version": (lambda b: edit(b, text=RULES | {"sentences": 2}), "text.sentences: Input should be 1"),
    "a discount on windows": (lambda b: head(b, discount=0.3), "discount belongs to a head whose unit is the sentence"),
    "sentences of a graph that has no logits of tokens": (
        lambda b: (head(b, unit="sentence"), edit(b, text=RULES)),
        "has 3 labels for each token",
    ),
    "other inputs": (lambda b: edit(b, inputs=["input_ids"]), "the graph's inputs are ['input_ids', 'attention_mask']"),
    "an input no text has": (lambda b: edit(b, inputs=["input_ids", "pixels"]), "can't be fed 'pixels'"),
    "an output that is not there": (lambda b: head(b, output="nowhere"), "no output 'nowhere'"),
    "another number of labels": (lambda b: head(b, labels=["normal", "hate"]), "has 2 labels"),
    "no graph": (lambda b: replace(b / "model.onnx", b"no graph at all"), "the model does not load"),
    "weights outside the file": (lambda b: graph(b, outside), "it keeps weights outside the file"),
    "a graph for one text at a time": (lambda b: graph(b, one_at_a_time), "[1, 's']"),
    "one row for all": (lambda b: graph(b, one_row), "[1, 3]"),
    "inputs of another type": (lambda b: graph(b, floats), "tensor(float)"),
}


@pytest.mark.parametrize(("break_it", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_bundle_is_refused(bundle, break_it, says, monkeypatch):
    monkeypatch.chdir(bundle)  # the runtime would look here for weights outside the file
    load_bundle(str(bundle))
    break_it(bundle)
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        load_bundle(str(bundle))
    assert caught.value.file.startswith(str(bundle))
    assert caught.value.fix


DOES_NOT_RUN = {
    "one row for all, in disguise": (lambda b: graph(b, one_row_in_disguise), "is (1, 3) for 2 rows"),
    "a graph that mixes rows": (lambda b: graph(b, mixes_rows), "depends on what else is in the batch"),
    "a tokenizer of another model": (
        lambda b: replace(b / "tokenizer.json", (b / "tokenizer.json").read_bytes().replace(b'"a":13', b'"a":77')),
        "the model does not run",
    ),
    "a tokenizer that is none": (lambda b: replace(b / "tokenizer.json", b"{}"), "no usable tokenizer"),
}


@pytest.mark.parametrize(("break_it", "says"), DOES_NOT_RUN.values(), ids=DOES_NOT_RUN)
def test_a_model_that_does_not_run_stops_the_job_and_not_its_uploads(bundle, break_it, says):
    tokenizer = bundle / "tokenizer.json"  # in one line, so that it is easily changed
    replace(tokenizer, json.dumps(json.loads(tokenizer.read_text()), separators=(",", ":")).encode())
    Classifier(load_bundle(str(bundle)))
    break_it(bundle)
    with pytest.raises(ConfigError, match=re.escape(says)):
        Classifier(load_bundle(str(bundle)))


def test_a_file_swapped_after_it_was_verified_does_not_run(bundle):
    verified = load_bundle(str(bundle))
    flip(bundle / "model.onnx")
    with pytest.raises(ConfigError, match="is not the file that was published"):
        Classifier(verified)


NORMALISED = {"size": [8, 8], "mean": [0, 0, 0], "std": [1, 1, 1]}


def test_an_image_model_of_another_size_is_refused(tiny_bundle):
    with pytest.raises(ConfigError, match=re.escape("[None, 3, 16, 8]")):
        load_bundle(str(tiny_bundle("image", image={"size": [16, 8], "mean": [0, 0, 0], "std": [1, 1, 1]})))


WHO_NORMALISES = {
    "both": ({"uint8": ((0, 0, 0), (1, 1, 1)), "image": NORMALISED}, "both the graph and bundle.json say", "without"),
    "neither": ({"image": {"size": [8, 8]}}, "neither the graph nor bundle.json says", "with image"),
    "half": ({"image": {"size": [8, 8], "mean": [0, 0, 0]}}, "mean and std go together", ""),
}


@pytest.mark.parametrize(("made", "says", "do"), WHO_NORMALISES.values(), ids=WHO_NORMALISES)
def test_an_image_bundle_says_once_how_its_pictures_are_normalised(tiny_bundle, made, says, do):
    folder = tiny_bundle("image", **made)
    with pytest.raises(ConfigError, match=says) as caught:
        load_bundle(str(folder))
    assert caught.value.file == str(folder / "bundle.json")
    assert do in caught.value.fix


def integers(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.elem_type = TensorProto.INT8


def channels_first(graph: onnx.GraphProto) -> None:
    for axis, size in ((1, 3), (3, 8)):
        graph.input[0].type.tensor_type.shape.dim[axis].dim_value = size
    graph.node[3].attribute[0].ints[:] = [0, 1, 2, 3]
    for name in ("scale", "shift"):
        tensor = next(each for each in graph.initializer if each.name == name)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).reshape(3, 1, 1), name))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (integers, "must be tensor(uint8)"),
        (channels_first, "['b', 3, 8, 8], but must be tensor(uint8) [None, 8, 8, 3]"),
    ],
    ids=["of another type", "channels first"],
)
def test_a_graph_that_normalises_is_fed_uint8_and_channels_last(tiny_bundle, change, says):
    folder = tiny_bundle("image", uint8=((0, 0, 0), (1, 1, 1)))
    load_bundle(str(folder))
    graph(folder, change)
    with pytest.raises(ConfigError, match=re.escape(says)):
        load_bundle(str(folder))


def test_the_highest_version_of_each_name_is_found_and_an_older_one_is_not_read(tiny_bundle, tmp_path):
    for version in ("1.9.0", "1.10.0", "1.2"):
        tiny_bundle(version=version)
    tiny_bundle("image")
    flip(tmp_path / "bundles" / "tiny-text" / "1.9.0" / "model.onnx")
    shutil.copytree(tmp_path / "bundles" / "tiny-text" / "1.9.0", tmp_path / "bundles" / "tiny-text" / ".draft")
    found = [(each.id.name, each.id.version) for each in find_bundles(str(tmp_path))]
    assert found == [("tiny-image", "1.0.0"), ("tiny-text", "1.10.0")]
    assert load_bundle(str(tmp_path / "bundles" / "tiny-text" / "1.2")).modality == "text"


@pytest.mark.parametrize("version", ["1.0.0", "1.0"])
def test_one_version_in_two_places_is_refused(bundle, tmp_path, version):
    shutil.copytree(bundle, tmp_path / "again")
    edit(tmp_path / "again", version=version)
    with pytest.raises(ConfigError, match="is there twice"):
        find_bundles(str(tmp_path))


def test_a_folder_without_bundles_is_said(tmp_path):
    for place in (tmp_path, tmp_path / "not there"):
        with pytest.raises(ConfigError, match="no bundle below"):
            find_bundles(str(place))


def test_the_digest_stands_for_every_byte(bundle):
    before = load_bundle(str(bundle)).id.digest
    edit(bundle, metrics={"seen": 1})
    assert load_bundle(str(bundle)).id.digest != before
    with (bundle / "tokenizer.json").open("a") as file:
        file.write("\n")
    changed = load_bundle(str(again(bundle) or bundle)).id.digest
    assert changed != before
