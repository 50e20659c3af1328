"""A bundle that is not whole, or not what its graph is, is refused with the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from screening.classifiers import Classifier, find_bundles, load_bundle, make_engine
from screening.errors import ConfigError
from tests.screening.classifiers.tiny import image_bundle, publish, text_bundle


@pytest.fixture
def bundle(tmp_path) -> Path:
    return text_bundle(tmp_path / "tiny")


def edit(bundle: Path, **changes: object) -> None:
    said = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**said, **changes}))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def heads(bundle: Path, **changes: object) -> list[dict]:
    first, second = json.loads((bundle / "bundle.json").read_text())["heads"]
    return [{**first, **changes}, second]


BROKEN = {
    "a flipped byte": (lambda b: flip(b / "model.onnx"), "model.onnx is not the file that was published"),
    "a flipped byte in the tokenizer": (lambda b: flip(b / "tokenizer.json"), "tokenizer.json is not the file"),
    "a missing file": (lambda b: (b / "model.onnx").unlink(), "model.onnx is missing"),
    "a file nobody listed": (lambda b: (b / "weights.pkl").write_bytes(b"x"), "weights.pkl is not listed"),
    "no bundle.json": (lambda b: (b / "bundle.json").unlink(), "no such file"),
    "no JSON": (lambda b: (b / "bundle.json").write_text("{"), "Invalid JSON"),
    "an unknown field": (lambda b: edit(b, extra=1), "extra: Extra inputs are not permitted"),
    "another format": (lambda b: edit(b, format=2), "format"),
    "a label twice": (lambda b: edit(b, heads=heads(b, labels=["spam", "x", "y"])), "'spam' stands twice"),
    "a path out of the folder": (lambda b: edit(b, files={"../x": "0" * 64}), "model.onnx is not in `files`"),
    "a version that is no number": (lambda b: edit(b, version="latest"), "version"),
}


@pytest.mark.parametrize(("break_it", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_bundle_is_refused(bundle, break_it, says):
    break_it(bundle)
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")) as caught:
        load_bundle(str(bundle))
    assert "tiny" in caught.value.file


MISMATCHED = {
    "other inputs": ({"inputs": ["input_ids"]}, "the graph's inputs are"),
    "an output that is not there": ({"output": "nowhere"}, "no output 'nowhere'"),
    "another number of labels": ({"labels": ["normal", "hate"]}, "has shape"),
}


@pytest.mark.parametrize(("change", "says"), MISMATCHED.values(), ids=MISMATCHED)
def test_a_graph_that_is_another_than_bundle_json_says_is_refused(bundle, change, says):
    edit(bundle, **change if "inputs" in change else {"heads": heads(bundle, **change)})
    with pytest.raises(ConfigError, match=says):
        Classifier(load_bundle(str(bundle)))


def test_what_is_no_graph_is_refused(bundle):
    (bundle / "model.onnx").write_bytes(b"no graph at all")
    said = json.loads((bundle / "bundle.json").read_text())
    said.pop("files")
    publish(bundle, said)
    with pytest.raises(ConfigError, match=r"model\.onnx does not load"):
        Classifier(load_bundle(str(bundle)))


def test_the_highest_version_of_each_name_is_found(tmp_path):
    for version in ("1.9.0", "1.10.0", "1.2"):
        text_bundle(tmp_path / "tiny-text" / version, version=version)
    image_bundle(tmp_path / "tiny-image" / "1.0.0")
    found = [(each.id.name, each.id.version) for each in find_bundles(str(tmp_path))]
    assert found == [("tiny-image", "1.0.0"), ("tiny-text", "1.10.0")]
    assert load_bundle(str(tmp_path / "tiny-text" / "1.2")).modality == "text"


def test_one_version_in_two_places_is_refused(tmp_path, bundle):
    shutil.copytree(bundle, tmp_path / "again")
    with pytest.raises(ConfigError, match="stands twice"):
        find_bundles(str(tmp_path))


def test_a_folder_without_bundles_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no bundle below"):
        find_bundles(str(tmp_path))


def test_the_digest_is_that_of_all_files(bundle):
    before = load_bundle(str(bundle)).id.digest
    edit(bundle, metrics={"seen": 1})
    assert load_bundle(str(bundle)).id.digest != before


def test_cuda_that_is_not_there_is_an_error_and_no_fallback():
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        assert "CUDA" in make_engine("cuda").id
    else:
        with pytest.raises(ConfigError, match="CUDA was asked for"):
            make_engine("cuda")
    with pytest.raises(ConfigError, match="unknown engine"):
        make_engine("tpu")
