"""Publish a classification checkpoint that somebody already has as a bundle, in one step."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.adopt.checkpoint import folder_of, load_model, outputs_of, read_config
from models.adopt.image import ImageCheckpoint, image_checkpoint, refuse_material
from models.adopt.labels import Labelled, Labels, head_of, load_labels, read_labelled
from models.adopt.text import TextCheckpoint, text_checkpoint
from models.export.convert import Dev, convert
from models.measure.calibrate import fit, table
from models.measure.metrics import measure
from models.publish.bundle import head_record, publish_bundle, refuse_existing
from models.publish.card import page
from models.recipe import Precision, RecipeHead
from models.text.score import HeadCalibration, Windows
from screening.classifiers.manifest import CARD
from screening.errors import ConfigError

TABLES = "calibration.json"


def adopt(
    checkpoint: str, labels_file: Path, name: str, version: str, to: str, calibrate: Path | None = None,
    precision: Precision = "fp32",
) -> str:  # fmt: skip
    """Export, check, calibrate (if there are rows) and publish a checkpoint; return the place of the bundle.

    Raises ConfigError, which says what can't be adopted and what to do, or ExportError if the exported model differs
    too much.
    """
    refuse_existing(to, name, version)
    labels, folder = load_labels(labels_file), folder_of(checkpoint)
    config, modality = read_config(folder)
    head = head_of(labels, name, outputs_of(config), config.problem_type, str(labels_file))
    rows = read_labelled(calibrate, head, modality) if calibrate else None
    model = load_model(folder, config, modality)
    found: TextCheckpoint | ImageCheckpoint
    if modality == "text":
        found = text_checkpoint(folder, model, labels, str(labels_file))
        found.check(head)
    else:
        found = image_checkpoint(folder, model)
    with tempfile.TemporaryDirectory() as temporary:
        said, path = _convert(found, head, Path(temporary), precision, rows), Path(temporary) / "model.onnx"
        metrics: dict[str, Any] = {"export": said}
        if isinstance(found, ImageCheckpoint):
            metrics["processing"] = found.processing(head, rows.contents if rows else [])
            if not rows:
                refuse_material(metrics["processing"], found.file)
        calibration, tables = None, None
        if rows:
            calibration, tables, metrics[head.name] = _calibrated(head, found.scored(path, head, rows.contents), rows)
        record = {
            "format": 1,
            "name": name,
            "version": version,
            "model": path.name,
            **found.record(),
            **({"languages": labels.languages} if modality == "text" else {}),
            "heads": [head_record(head, asdict(calibration) if calibration else None)],
            **({"calibration": TABLES} if tables else {}),
            "base_model": {"name": labels.base_model or _name(checkpoint), "licence": labels.licence},
            "training_data": [each.model_dump(exclude_none=True) for each in labels.training_data],
            "metrics": metrics,
        }
        files = {path.name: path.read_bytes(), **found.files, CARD: _card(record, labels, calibrate).encode()}
        if tables:
            files[TABLES] = (json.dumps(tables, separators=(",", ":")) + "\n").encode()
        return publish_bundle(record, files, to)


def _convert(
    found: TextCheckpoint | ImageCheckpoint, head: RecipeHead, out: Path, precision: Precision, rows: Labelled | None
) -> dict[str, Any]:
    dev = None
    if rows:
        contents = rows.contents
        dev = Dev({head.name: rows.targets}, lambda path: {head.name: found.scored(path, head, contents).pooled(head)})
    try:
        return convert(found.network, [head], found.feeds(), out, precision, dev)
    except torch.onnx.errors.OnnxExporterError as error:
        what = f"torch can't write it as ONNX: {str(error).strip().splitlines()[0]}"
        raise ConfigError(what, file=found.file, fix="adopt a model of another architecture") from error


def _calibrated(
    head: RecipeHead, windows: Windows, rows: Labelled
) -> tuple[HeadCalibration, dict[str, Any], dict[str, Any]]:
    """Return a head's calibration, threshold tables by label, and figures; each multilabel label is treated alone."""
    targets = np.array(rows.targets)
    if head.kind == "multiclass":
        calibration = fit(head, windows, targets.argmax(1))
        scores = windows.pooled(head, calibration)
        figures: dict[str, Any] = measure(head, scores, targets.argmax(1))
    else:
        parts = []
        for k, label in enumerate(head.labels):
            alone = head.model_copy(update={"labels": (label,)})
            one = Windows(
                {head.name: windows.logits[head.name][:, k : k + 1]}, windows.owner, windows.tokens, windows.forms
            )
            parts.append(fit(alone, one, targets[:, k]))
        calibration = HeadCalibration(tuple(c.scale[0] for c in parts), tuple(c.shift[0] for c in parts))
        scores = windows.pooled(head, calibration)
        single = [head.model_copy(update={"labels": (label,)}) for label in head.labels]
        figures = {h.labels[0]: measure(h, scores[:, [k]], targets[:, k]) for k, h in enumerate(single)}
    for each in (figures, *figures.values()):
        if isinstance(each, dict):
            each.pop("ece", None)  # it means nothing on the rows that the calibration was fitted to
    tables = {label: table(scores[:, k], targets[:, k] == 1) for k, label in enumerate(head.labels)}
    return calibration, tables, figures


def _name(checkpoint: str) -> str:
    return Path(checkpoint).resolve().name if Path(checkpoint).is_dir() else checkpoint


def _card(record: dict[str, Any], labels: Labels, calibrate: Path | None) -> str:
    """Return the model card as Markdown."""
    rows = calibrate.name if calibrate else ""
    return page("adopted_card.md.j2").render(b=record, labels=labels, rows=rows, m=record["metrics"])
