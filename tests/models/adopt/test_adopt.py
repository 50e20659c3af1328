"""A checkpoint that somebody has becomes a bundle that scores as transformers does."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from screening.classifiers import load_bundle
from screening.classifiers.manifest import Pixels
from screening.content import Picture, Text
from screening.errors import ConfigError
from screening.policy import load_policy
from tests.models.adopt.conftest import TAGS, TEXTS, THREE, adopted, labels, own_scores, pixels, scores, write_rows
from tests.models.checkpoints import checkpoint, processor
from tests.models.conftest import WORDS

pytestmark = pytest.mark.train


@pytest.mark.parametrize("kind", ["bert", "roberta", "deberta-v2", "distilbert", "modernbert"])
def test_a_text_checkpoint_scores_as_in_transformers(kind: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / kind, kind)
    bundle = adopted(tmp_path, folder, THREE)
    wanted = own_scores(folder, TEXTS)
    assert np.ptp(wanted, axis=0).max() > 0.05, "random weights tell nothing apart"
    texts = [Text(text) for text in TEXTS]
    assert scores(bundle, texts) == pytest.approx(wanted, abs=1e-4)
    record = json.loads((bundle / "bundle.json").read_text())
    assert record["heads"][0]["labels"] == ["normal", "rude", "hate"]
    assert record["metrics"]["export"]["parity"] <= 1e-4
    assert record["inputs"] == ["input_ids", "attention_mask"] + ["token_type_ids"] * (kind == "bert")
    assert record["text"] == {"max_tokens": 80, "overlap": 10}
    long = scores(bundle, [Text(" ".join(TEXTS) * 20)])
    assert np.isfinite(long).all(), "more windows than one, each of full length"


def test_a_picture_scores_as_in_transformers(tmp_path: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = checkpoint(tmp_path / "vit", "vit")
    processor(folder, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.3])
    bundle = adopted(tmp_path, folder, THREE)
    pictures = [pixels(k) for k in range(5)]
    model, own = (
        AutoModelForImageClassification.from_pretrained(folder).eval(),
        AutoImageProcessor.from_pretrained(folder),
    )
    with torch.no_grad():
        seen = own(images=[Image.fromarray(p) for p in pictures], return_tensors="pt")
        wanted = model(**seen).logits.softmax(1).numpy()
    assert np.ptp(wanted, axis=0).max() > 0.05
    contents = [Picture(p.shape[1], p.shape[0], p) for p in pictures]
    assert scores(bundle, contents) == pytest.approx(wanted, abs=1e-4)
    assert load_bundle(str(bundle)).manifest.image == Pixels(size=(32, 32)), "the graph normalises"
    assert "otherwise than a bundle" not in (bundle / "MODEL_CARD.md").read_text()


def policy(tmp_path: Path, bundle: Path, level: Any) -> Any:
    said = {"policy": "mine", "version": 1, "categories": [{"id": "rude", "signal": "rude", "review": level}]}
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(said))
    return load_policy(str(path), [load_bundle(str(bundle))])


def test_without_rows_a_bundle_is_uncalibrated_and_takes_no_targets(tagger: Path, tmp_path: Path) -> None:
    from models.adopt.__main__ import main

    asked = [str(tagger), "--labels", str(labels(tmp_path, TAGS)), "--name", "theirs"]
    main([*asked, "--version", "1.0.0", "--to", str(tmp_path / "to")])
    bundle = tmp_path / "to" / "theirs" / "1.0.0"
    record = json.loads((bundle / "bundle.json").read_text())
    assert "calibration" not in record
    assert all("calibration" not in head for head in record["heads"])
    assert "**Not calibrated**" in (bundle / "MODEL_CARD.md").read_text()
    texts = [Text(text) for text in TEXTS]
    assert scores(bundle, texts) == pytest.approx(own_scores(tagger, TEXTS, multilabel=True), abs=1e-4)
    with pytest.raises(ConfigError, match="precision target needs a calibrated label, and rude is not calibrated"):
        policy(tmp_path, bundle, {"precision": 0.9})
    assert policy(tmp_path, bundle, 0.7)
    with pytest.raises(ConfigError, match="never changes"):
        adopted(tmp_path, tagger, TAGS)


def test_rows_of_ones_own_calibrate_it_and_hold_a_rounded_file(tagger: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(2, 9))) for _ in range(240)]
    ranks = own_scores(tagger, texts, multilabel=True).argsort(0).argsort(0)
    said = [[name for name, rank in zip(("rude", "threat"), row, strict=True) if rank > 140] for row in ranks]
    rows = write_rows(tmp_path / "own.jsonl", [{"text": t, "label": x} for t, x in zip(texts, said, strict=True)])
    bundle = adopted(tmp_path, tagger, TAGS, calibrate=rows, precision="fp16")
    loaded = load_bundle(str(bundle))
    assert set(loaded.calibration) == {"rude", "threat"}
    assert loaded.calibration["rude"].rows == 240
    assert loaded.calibration["rude"].positives == 99
    found = scores(bundle, [Text(text) for text in texts])
    assert found.mean(0) == pytest.approx([99 / 240] * 2, abs=0.05), "a mean score is the share of rows that have it"
    assert policy(tmp_path, bundle, {"precision": 0.9})
    measured = loaded.manifest.metrics
    assert measured["tags"]["rude"]["auroc"] > 0.99
    assert measured["export"]["against_fp32"]["tags"]["rows"] == 240
    assert "240 rows" in (bundle / "MODEL_CARD.md").read_text()


def test_a_processor_that_crops_is_refused_unless_rows_say_what_the_bundle_is_worth(tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, ConvNextImageProcessorPil

    folder = checkpoint(tmp_path / "vit", "vit", num_labels=2)
    ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.4).save_pretrained(folder)
    assert "crop_pct" in AutoImageProcessor.from_pretrained(folder).to_dict()
    two = {"kind": "multiclass", "labels": {"LABEL_0": "fine", "LABEL_1": "odd"}}
    with pytest.raises(ConfigError, match="scales the whole picture") as caught:
        adopted(tmp_path, folder, two)
    assert "--calibrate" in caught.value.fix
    rows = []
    for k in range(64):
        Image.fromarray(pixels(k)).save(tmp_path / f"{k}.png")
        rows.append({"image": f"{k}.png", "label": ("fine", "odd")[k % 2]})
    bundle = adopted(tmp_path, folder, two, calibrate=write_rows(tmp_path / "own.jsonl", rows))
    measured = json.loads((bundle / "bundle.json").read_text())["metrics"]
    assert measured["processing"]["pictures"] == 64
    assert measured["processing"]["max_delta"] > 0
    assert f"{measured['processing']['max_delta']} at most" in (bundle / "MODEL_CARD.md").read_text()
