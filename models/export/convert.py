"""Convert a network to one ONNX file in a precision; check it against torch and, if rounded, its float32 file."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from models.export.qdq import to_static
from models.export.quantise import quantise
from models.export.rounding import compare_rounded, failures
from models.recipe import Precision, RecipeHead
from models.text.score import Floats
from screening.classifiers.engines import Feed
from screening.classifiers.engines.floats import float_graph
from screening.classifiers.pooling import calibrated
from screening.errors import ConfigError, ScreeningError

log = logging.getLogger("models.export")
PARITY = 1e-4
OPSET = 20


class ExportError(ScreeningError):
    """Raised when the exported file doesn't compute what the network computes closely enough."""


@dataclass(frozen=True)
class Dev:
    """The rows that a rounded file is checked on: by head, the targets of the rows that name it, as in models.rows."""

    targets: Mapping[str, Sequence[Sequence[int]]]
    probabilities: Callable[[Path], Mapping[str, Floats]]  # gives those rows' uncalibrated scores by a file's model


def digest(folder: Path) -> str:
    """Return the sha256 of the model.onnx in a folder; what was measured is valid for these bytes only."""
    return hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()


def output(head: RecipeHead) -> str:
    """Return the name of a head's logits in the file."""
    return f"logits_{head.name}"


def convert(
    network: nn.Module,
    heads: Sequence[RecipeHead],
    feeds: Sequence[Feed],
    out: Path,
    precision: Precision,
    dev: Dev | None,
    calibration: Sequence[Feed] = (),
) -> dict[str, Any]:
    """Write model.onnx and export.json, and return what export.json holds; `int8_weights` rounds the network in place.

    `network(*inputs)` gives one tensor of logits [batch, labels] per head, or [batch, seq, labels]. `feeds` has its
    inputs by name, of several lengths and numbers of rows. `calibration` has batches of training rows, on which `int8`
    sets its scales. An int8 file is checked as it is, and as engines in a float precision run it. Raises ExportError if
    the file misses a bar, and ConfigError if there are no rows to check a rounded file on; then no model.onnx is left.
    """
    if precision != "fp32" and not (dev and dev.targets):
        raise ConfigError(
            f"{precision} can't be checked without dev rows that name a head",
            fix="give --rows (--calibrate when adopting), or --precision fp32",
        )
    if precision == "int8" and not calibration:
        raise ConfigError("int8 needs training texts to set its scales", fix="use --precision int8_weights, or fp32")
    out.mkdir(parents=True, exist_ok=True)
    path = out / "model.onnx"
    path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as temporary:
        exact, rounded = Path(temporary) / "fp32.onnx", Path(temporary) / f"{precision}.onnx"
        write_graph(network, feeds[-1], [output(h) for h in heads], exact)
        said: dict[str, Any] = {"precision": precision, "parity": parity(network, heads, exact, feeds)}
        if precision == "int8":
            model = onnx.load(exact)
            said["int8_products"] = to_static(model, calibration)
            save(model, rounded)
        elif precision == "int8_weights":
            model = onnx.load(exact)
            said["int8_weights"] = quantise(model, network)
            save(model, rounded)
            said["parity"] = max(said["parity"], parity(network, heads, rounded, feeds))
        elif precision == "fp16":
            save(to_half(onnx.load(exact)), rounded)
        if dev and precision != "fp32":
            before = dev.probabilities(exact)
            said["against_fp32"] = _gate(heads, dev, before, rounded, precision)
            if precision == "int8":
                floats = Path(temporary) / "float.onnx"
                floats.write_bytes(float_graph(rounded.read_bytes()))
                said["float_against_fp32"] = _gate(heads, dev, before, floats, "the int8 file run in float")
        said["bytes"] = rounded.stat().st_size
        rounded.replace(path)
    (out / "export.json").write_text(json.dumps(said, indent=1) + "\n")
    log.info("%s, %.1f MB, parity with torch %.1e", precision, said["bytes"] / 1e6, said["parity"])
    return said


def write_graph(network: nn.Module, feed: Feed, outputs: Sequence[str], path: Path) -> None:
    """Write the float32 graph, folded and simplified by the exporter, without the exporter's notes.

    The batch and the length of integer inputs are dynamic. ONNX Runtime's basic passes find nothing more to simplify.
    What it fuses beyond them depends on the hardware, so that is done when the file is loaded.
    """
    for name in ("onnx_ir", "onnxscript", "torch.onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)
    batch, seq = torch.export.Dim("batch"), torch.export.Dim("seq")
    shapes = tuple({0: batch, 1: seq} if value.dtype == np.int64 else {0: batch} for value in feed.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(), tuple(torch.from_numpy(value) for value in feed.values()), dynamo=True,
            opset_version=OPSET, input_names=list(feed), output_names=list(outputs), dynamic_shapes=shapes,
            verbose=False,
        )  # fmt: skip
    assert program is not None
    save(program.model_proto, path)


def save(model: onnx.ModelProto, path: Path) -> None:
    """Check a model and write it as one file, with the same bytes wherever it is made."""
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with weights and activations in float16; its inputs and outputs keep their types."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    logging.getLogger("onnxruntime.transformers.float16").setLevel(logging.ERROR)
    half: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return half


def parity(network: nn.Module, heads: Sequence[RecipeHead], path: Path, feeds: Sequence[Feed]) -> float:
    """Return the largest |Δp| between torch and the file. Raises ExportError if it is above `PARITY`."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for feed in feeds:
        with torch.no_grad():
            wanted = network(*(torch.from_numpy(value) for value in feed.values()))
        got = session.run([output(h) for h in heads], feed)
        for head, one, two in zip(heads, wanted, got, strict=True):
            torches, files = (z.reshape(-1, len(head.labels)) for z in (one.numpy(), two))
            delta = np.abs(calibrated(head.kind, torches) - calibrated(head.kind, files)).max()
            worst = max(worst, float(delta)) if np.isfinite(delta) else float("inf")
    if not worst <= PARITY:
        raise ExportError(f"file and torch differ by {worst:.2e} in probability; at most {PARITY} is allowed")
    return worst


def _gate(
    heads: Sequence[RecipeHead], dev: Dev, before: Mapping[str, Floats], rounded: Path, what: str
) -> dict[str, Any]:
    after = dev.probabilities(rounded)
    named = [h for h in heads if dev.targets.get(h.name)]
    found = {h.name: compare_rounded(h, before[h.name], after[h.name], dev.targets[h.name]) for h in named}
    log.info("%s against fp32: %s", what, found)
    if short := failures(found):
        raise ExportError(f"{what} is too far from fp32 on {'; '.join(short)}. Try --precision fp16, or fp32")
    return found
