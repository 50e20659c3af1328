"""Checkpoints that somebody has, adopted, and what transformers itself says of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from screening.classifiers import Classifier, load_bundle, make_engine
from tests.models.checkpoints import checkpoint
from tests.models.conftest import WORDS

THREE = {"kind": "multiclass", "labels": {"LABEL_0": "normal", "LABEL_1": "rude", 2: "hate"}}
TAGS = {"kind": "multilabel", "labels": {"LABEL_0": "rude", "LABEL_1": "threat"}, "head": "tags"}
CHANCE = random.Random(5)
TEXTS = [" ".join(CHANCE.choices(WORDS, k=k)) for k in (1, 2, 5, 9, 3, 8)]


def labels(tmp_path: Path, said: dict[str, Any], **changes: Any) -> Path:
    path = tmp_path / "labels.yaml"
    path.write_text(yaml.safe_dump({**said, "licence": "MIT", **changes}))
    return path


def adopted(tmp_path: Path, folder: Path, said: dict[str, Any], **more: Any) -> Path:
    from models.adopt.bundle import adopt

    return Path(adopt(str(folder), labels(tmp_path, said), "theirs", "1.0.0", str(tmp_path / "to"), **more))


def scores(bundle: Path, contents: list[Any]) -> np.ndarray:
    results = Classifier(load_bundle(str(bundle)), make_engine("onnxruntime", cores=1)).score(contents)
    return np.array([[signal.score for signal in result] for result in results])


def own_scores(folder: Path, texts: list[str], multilabel: bool = False) -> np.ndarray:
    """What transformers itself says, one at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model, cut = (each.from_pretrained(folder) for each in (AutoModelForSequenceClassification, AutoTokenizer))
    with torch.no_grad():
        logits = torch.cat([model.eval()(**cut(text, return_tensors="pt")).logits for text in texts])
    return (logits.sigmoid() if multilabel else logits.softmax(1)).numpy()


def pixels(seed: int) -> np.ndarray:
    """A coarse pattern."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((60 + seed, 40), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "tagger"
    return checkpoint(folder, "distilbert", num_labels=2, problem_type="multi_label_classification")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
