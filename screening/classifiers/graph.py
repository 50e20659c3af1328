"""Open ONNX graphs from verified bytes, and check them against what bundle.json says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from screening.classifiers.manifest import Manifest
from screening.errors import ConfigError

FLOAT, INT64, UINT8 = "tensor(float)", "tensor(int64)", "tensor(uint8)"
NOWHERE = "/no external data"  # not a real folder, since weights outside the file have no sha256 in bundle.json


def open_graph(model: bytes, options: ort.SessionOptions, providers: Sequence[Any], file: str) -> ort.InferenceSession:
    """Return a session on exactly these bytes.

    Raises ConfigError if they are not a graph, or if the graph keeps weights in other files.
    """
    options.log_severity_level = 4  # nothing but fatal errors: what matters is raised
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    try:
        return ort.InferenceSession(model, options, providers=list(providers))
    except Exception as error:  # ONNX Runtime's errors share no narrower base class
        what, fix = str(error).splitlines()[0], "publish the bundle again"
        if "xternal data" in what:
            what, fix = "it keeps weights outside the file", "export the model as one file"
        raise ConfigError(f"the model does not load: {what}", file=file, fix=fix) from None


def check_graph(model: bytes, manifest: Manifest, file: str) -> None:
    """Check a graph against bundle.json: its inputs, its outputs, and one logit for each label (and maybe token).

    Raises ConfigError if they differ.
    """
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
            what = f"input {each.name!r} is {each.type} {each.shape}, but must be {wanted} {last} (None: any size)"
            raise ConfigError(what, file=file, fix=fix)
    for head in manifest.heads:
        logits = outputs.get(head.output)
        if logits is None:
            raise ConfigError(f"the graph has no output {head.output!r} for head {head.name}", file=file, fix=fix)
        by_token = [None] if head.unit == "sentence" else []
        if logits.type != FLOAT or not _fits(logits.shape, [None, *by_token, len(head.labels)]):
            has = f"output {head.output!r} is {logits.type} {logits.shape}"
            what = f"{has}, but head {head.name} has {len(head.labels)} labels{' for each token' if by_token else ''}"
            raise ConfigError(what, file=file, fix=fix)


def check_tokens(model: bytes, highest: int, manifest: Manifest, file: str) -> None:
    """Check that the model has an embedding for the highest token id of its tokenizer; raises ConfigError if not.

    ONNX Runtime refuses an id beyond the table. Other runtimes read zeros there, and would score what they can't know.
    """
    said = {"input_ids": highest, "attention_mask": 1, "token_type_ids": 0}
    feed = {name: np.full((1, 8), said[name], np.int64) for name in manifest.inputs}
    try:
        _as_written(model, file).run(None, feed)
    except Exception as error:  # ONNX Runtime's errors share no narrower base class
        what = f"the model does not run on the tokenizer's highest id, {highest}: {error}"
        raise ConfigError(what, file=file, fix="publish the bundle again with the tokenizer of its model") from None


def _as_written(model: bytes, file: str) -> ort.InferenceSession:
    """Open the graph without optimising it, which takes 50 ms instead of 350."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return open_graph(model, options, ["CPUExecutionProvider"], file)


def _fed(manifest: Manifest) -> tuple[str, list[int | None]]:
    """Return the type and shape of what a classifier feeds; a picture that is not yet normalised is uint8."""
    if manifest.image is None:
        return INT64, [None, None]
    return (FLOAT if manifest.image.mean else UINT8), [None, *manifest.image.shape]


def _fits(shape: Sequence[object], wanted: Sequence[int | None]) -> bool:
    """Return whether a graph takes these sizes: a named size takes any number, a number only itself."""
    return len(shape) == len(wanted) and all(
        not isinstance(has, int) or has == want for has, want in zip(shape, wanted, strict=True)
    )
