"""What training measures is what a job scores, on texts of any length."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from models.recipe import RecipeHead
from models.text.batches import cutter
from models.text.score import HeadCalibration, OnnxModel, score
from screening.classifiers import Classifier, load_bundle, make_engine
from screening.content import Text
from tests.screening.classifiers.tiny import WORDS, text_bundle

FIELDS = ("name", "kind", "labels", "unit", "pool")


def words(characters: int) -> str:
    """Words by lot, with blanks, line ends or full stops between."""
    chance = random.Random(characters)
    return "".join(chance.choice(WORDS) + chance.choice(" \n.") for _ in range(characters))[:characters]


@pytest.mark.parametrize("by_sentence", [False, True])
@pytest.mark.parametrize("characters", [1, 200, 32_768, 32_769, 100_000])
def test_a_text_is_scored_in_training_as_in_a_job(characters: int, by_sentence: bool, tmp_path: Path) -> None:
    folder = text_bundle(tmp_path / "bundle", by_sentence)
    record = json.loads((folder / "bundle.json").read_text())
    if by_sentence:
        record["heads"][0]["discount"] = 0.25
        (folder / "bundle.json").write_text(json.dumps(record))
    heads = [RecipeHead.model_validate({"pool": "max"} | {k: h[k] for k in FIELDS if k in h}) for h in record["heads"]]
    texts = ["good news", words(characters), "win a prize"]
    job = Classifier(load_bundle(str(folder)), make_engine("onnxruntime", cores=1), most=10**6)
    found = score(OnnxModel(folder / "model.onnx", heads, threads=1), cutter(folder, 16, 4), texts)
    results = [{s.label: s.score for s in signals} for signals in job.score([Text(t) for t in texts])]
    for head, said in zip(heads, record["heads"], strict=True):
        how = said.get("calibration")
        pooled = found.pooled(head, HeadCalibration(tuple(how["scale"]), tuple(how["shift"])) if how else None)
        if "discount" in said:
            pooled = found.pooling(head).discounted(pooled, said["discount"])
        jobs = np.array([[result[label] for label in head.labels] for result in results])
        assert pooled.tobytes() == jobs.tobytes(), "to the last bit"
