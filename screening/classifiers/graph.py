"""ONNX graphs: opened from verified bytes, and held against what bundle.json says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from screening.classifiers.manifest import Manifest
from screening.errors import ConfigError

FLOAT, INT64, UINT8 = "tensor(float)", "tensor(int64)", "tensor(uint8)"
NOWHERE = "/no external data"  # weights outside the file have no sha256 in bundle.json


def open_graph(model: bytes, options: ort.SessionOptions, providers: Sequence[Any], file: str) -> ort.InferenceSession:
    """A session on these very bytes; ConfigError when they are no graph or want weights from other files."""
    options.log_severity_level = 4  # what matters is raised
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    try:
        return ort.InferenceSession(model, options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's errors share no base but this
        what, fix = str(error).splitlines()[0], "publish the bundle again"
        if "xternal data" in what:
            what, fix = "it keeps weights outside the file", "export the model as one file"
        raise ConfigError(f"the model does not load: {what}", file=file, fix=fix) from None


def check_graph(model: bytes, manifest: Manifest, file: str) -> None:
    """ConfigError unless inputs and outputs are those of bundle.json, with as many logits as labels."""
    session = _as_written(model, file)
    inputs, outputs = session.get_inputs(), {each.name: each for each in session.get_outputs()}
    fix = "publish the bundle again with the names and shapes of its graph"
    if sorted(each.name for each in inputs) != sorted(manifest.inputs):
        what = f"the graph's inputs are {[each.name for each in inputs]}, bundle.json says {list(manifest.inputs)}"
        raise ConfigError(what, file=file, fix=fix)
    wanted, last = _fed(manifest)
    for each in inputs:
        if wanted != INT64 and {each.type, wanted} == {FLOAT, UINT8}:
            who, how = "neither the graph nor bundle.json says", "with"
            if wanted == FLOAT:
                who, how = "both the graph and bundle.json say", "without"
            what = f"{who} how pictures are normalised: input {each.name!r} is {each.type}"
            raise ConfigError(what, file=file, fix=f"publish the bundle again, {how} image.mean and image.std")
        if each.type != wanted or not _fits(each.shape, last):
            what = f"input {each.name!r} is {each.type} {each.shape}, it must be {wanted} {last} (None: any)"
            raise ConfigError(what, file=file, fix=fix)
    for head in manifest.heads:
        logits = outputs.get(head.output)
        if logits is None:
            raise ConfigError(f"the graph has no output {head.output!r} for head {head.name}", file=file, fix=fix)
        if logits.type != FLOAT or not _fits(logits.shape, [None, len(head.labels)]):
            has = f"output {head.output!r} is {logits.type} {logits.shape}"
            what = f"{has}, head {head.name} has {len(head.labels)} labels"
            raise ConfigError(what, file=file, fix=fix)


def check_tokens(model: bytes, highest: int, manifest: Manifest, file: str) -> None:
    """ConfigError unless the model has a row for the highest id of its tokenizer.

    ONNX Runtime refuses an id beyond the table; other runtimes read zeros there, and would score what they can't know.
    """
    said = {"input_ids": highest, "attention_mask": 1, "token_type_ids": 0}
    feed = {name: np.full((1, 8), said[name], np.int64) for name in manifest.inputs}
    try:
        _as_written(model, file).run(None, feed)
    except Exception as error:  # ONNX Runtime's errors share no base but this
        what = f"the model does not run on the tokenizer's highest id, {highest}: {error}"
        raise ConfigError(what, file=file, fix="publish the bundle again with the tokenizer of its model") from None


def _as_written(model: bytes, file: str) -> ort.InferenceSession:
    """The graph as it is: only looked at, that takes 50 ms and not 350."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return open_graph(model, options, ["CPUExecutionProvider"], file)


def _fed(manifest: Manifest) -> tuple[str, list[int | None]]:
    """Type and shape of what a classifier feeds; a picture that is not normalised yet is uint8."""
    if manifest.image is None:
        return INT64, [None, None]
    return (FLOAT if manifest.image.mean else UINT8), [None, *manifest.image.shape]


def _fits(shape: Sequence[object], wanted: Sequence[int | None]) -> bool:
    """Whether a graph takes these sizes: a named size takes any, a number only itself."""
    return len(shape) == len(wanted) and all(
        not isinstance(has, int) or has == want for has, want in zip(shape, wanted, strict=True)
    )
