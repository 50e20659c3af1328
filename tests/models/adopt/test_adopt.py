"""A checkpoint that somebody has becomes a bundle that scores as transformers does, or it is refused with a way out."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from screening.classifiers import Classifier, load_bundle, make_engine
from screening.classifiers.manifest import Pixels
from screening.errors import ConfigError
from screening.policy import load_policy
from screening.records import Article, Picture
from tests.models.checkpoints import checkpoint, processor
from tests.models.conftest import WORDS

pytestmark = pytest.mark.train
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


@pytest.mark.parametrize("kind", ["bert", "roberta", "deberta-v2", "distilbert", "modernbert"])
def test_a_text_checkpoint_scores_as_in_transformers(kind: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / kind, kind)
    bundle = adopted(tmp_path, folder, THREE)
    wanted = own_scores(folder, TEXTS)
    assert np.ptp(wanted, axis=0).max() > 0.05, "random weights tell nothing apart"
    texts = [Article("text/plain", text) for text in TEXTS]
    assert scores(bundle, texts) == pytest.approx(wanted, abs=1e-4)
    record = json.loads((bundle / "bundle.json").read_text())
    assert record["heads"][0]["labels"] == ["normal", "rude", "hate"]
    assert record["metrics"]["export"]["parity"] <= 1e-4
    assert record["inputs"] == ["input_ids", "attention_mask"] + ["token_type_ids"] * (kind == "bert")
    assert record["text"] == {"max_tokens": 80, "overlap": 10}
    long = scores(bundle, [Article("text/plain", " ".join(TEXTS) * 20)])
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
    contents = [Picture("image/png", p.shape[1], p.shape[0], 1, p) for p in pictures]
    assert scores(bundle, contents) == pytest.approx(wanted, abs=1e-4)
    assert load_bundle(str(bundle)).manifest.image == Pixels(size=(32, 32)), "the graph normalises"
    assert "otherwise than a bundle" not in (bundle / "MODEL_CARD.md").read_text()


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


def policy(tmp_path: Path, bundle: Path, level: Any) -> Any:
    said = {"policy": "mine", "version": 1, "categories": [{"id": "rude", "signal": "rude", "review": level}]}
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(said))
    return load_policy(str(path), [load_bundle(str(bundle))])


def test_without_rows_a_bundle_is_uncalibrated_and_takes_no_targets(tagger: Path, tmp_path: Path) -> None:
    from models.adopt.bundle import main

    asked = [str(tagger), "--labels", str(labels(tmp_path, TAGS)), "--name", "theirs"]
    main([*asked, "--version", "1.0.0", "--to", str(tmp_path / "to")])
    bundle = tmp_path / "to" / "theirs" / "1.0.0"
    record = json.loads((bundle / "bundle.json").read_text())
    assert "calibration" not in record
    assert all("calibration" not in head for head in record["heads"])
    assert "**Not calibrated**" in (bundle / "MODEL_CARD.md").read_text()
    texts = [Article("text/plain", text) for text in TEXTS]
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
    found = scores(bundle, [Article("text/plain", text) for text in texts])
    assert found.mean(0) == pytest.approx([99 / 240] * 2, abs=0.05), "a mean score is the share of rows that have it"
    assert policy(tmp_path, bundle, {"precision": 0.9})
    measured = loaded.manifest.metrics
    assert measured["tags"]["rude"]["auroc"] > 0.99
    assert measured["export"]["against_fp32"]["tags"]["rows"] == 240
    assert "240 rows" in (bundle / "MODEL_CARD.md").read_text()


def test_a_rounded_file_needs_rows(tagger: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="int8 can't be checked") as caught:
        adopted(tmp_path, tagger, TAGS, precision="int8")
    assert "--calibrate" in caught.value.fix


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


def edit(folder: Path, name: str, **changes: Any) -> None:
    said = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**said, **changes}))


def own_code(folder: Path) -> None:
    edit(folder, "config.json", model_type="theirs", auto_map={"AutoConfig": "theirs.Config"})


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def headless(folder: Path) -> None:
    from transformers import AutoModel

    AutoModel.from_pretrained(folder).save_pretrained(folder)
    edit(folder, "config.json", architectures=["DistilBertForSequenceClassification"])


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def more_tokens(folder: Path) -> None:
    from transformers import AutoTokenizer

    own = AutoTokenizer.from_pretrained(folder)
    own.add_tokens([f"new{k}" for k in range(20)])
    own.save_pretrained(folder)


CANT = {
    "code of its own": (own_code, "it brings code of its own", "no code is run"),
    "another task": (
        lambda f: edit(f, "config.json", architectures=["DistilBertForMaskedLM"]),
        "DistilBertForMaskedLM classifies neither", "ForSequenceClassification",
    ),
    "pickled weights": (pickled, "a pickle is not opened", "save_pretrained"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "it has no weights", "save_pretrained"),
    "no head": (headless, "classifier.bias", "fine-tuned"),
    "no tokenizer": (no_tokenizer, "has no tokenizer", "tokenizer.json"),
    "an input no text has": (
        lambda f: edit(f, "tokenizer_config.json", model_input_names=["input_ids", "bbox", "attention_mask"]),
        "it wants 'bbox'", "adopt another",
    ),
    "tokens without an embedding": (more_tokens, "more than the model has embeddings", "trained with"),
    "regression": (
        lambda f: edit(f, "config.json", problem_type="regression"), "made for regression", "only classification",
    ),
    "no config": (lambda f: (f / "config.json").unlink(), "config.json: can't be read", "save_pretrained"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "says", "fix"), CANT.values(), ids=CANT)
def test_what_cant_be_adopted_is_refused(spoil, says, fix, tagger, tmp_path):
    folder = tmp_path / "spoilt"
    shutil.copytree(tagger, folder)
    spoil(folder)
    with pytest.raises(ConfigError, match=says) as caught:
        adopted(tmp_path, folder, TAGS)
    assert fix in caught.value.fix
    assert caught.value.file
    assert not (tmp_path / "to").exists()


UNFIT = {
    "a label left out": ({"labels": {"LABEL_0": "rude"}}, "nothing for 'LABEL_1'"),
    "a label too many": ({"labels": {**TAGS["labels"], "LABEL_7": "x"}}, "the checkpoint has no 'LABEL_7'"),
    "one name for two": ({"labels": {"LABEL_0": "rude", "LABEL_1": "rude"}}, "have one name"),
    "a name that is none": ({"labels": {"LABEL_0": "Rude!", "LABEL_1": "threat"}}, "labels.LABEL_0"),
    "another kind": ({"kind": "multiclass"}, "made for multi_label_classification"),
    "a field unknown": ({"label": {}}, "label: Extra"),
    "windows too long": ({"max_tokens": 200}, "the model reads 80"),
    "windows that overlap too much": ({"max_tokens": 16, "overlap": 12}, "more than half"),
}


@pytest.mark.parametrize(("changes", "says"), UNFIT.values(), ids=UNFIT)
def test_labels_that_do_not_fit_are_refused(changes, says, tagger, tmp_path):
    with pytest.raises(ConfigError, match=says) as caught:
        adopted(tmp_path, tagger, {**TAGS, **changes})
    assert caught.value.file.endswith("labels.yaml")
    assert caught.value.fix


ROWS = {
    "no JSON": ("{", "own.jsonl:61: no JSON object"),
    "no text": ('{"label": []}', "own.jsonl:61: no JSON object with 'text'"),
    "an unknown label": ('{"text": "a", "label": ["odd"]}', "own.jsonl:61: unknown label 'odd'"),
    "too few": ("", "'threat' has 0 of 60 rows; 30 with it"),
}


@pytest.mark.parametrize(("line", "says"), ROWS.values(), ids=ROWS)
def test_rows_that_cant_calibrate_are_refused(line, says, tagger, tmp_path):
    rows = [{"text": "the river", "label": ["rude"] * (k % 2)} for k in range(60)]
    path = write_rows(tmp_path / "own.jsonl", rows)
    path.write_text(path.read_text() + line)
    with pytest.raises(ConfigError, match=says):
        adopted(tmp_path, tagger, TAGS, calibrate=path)


def test_a_hub_that_cant_be_reached_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="someone/nothing-there: no such folder, and the hub gave nothing"):
        adopted(tmp_path, Path("someone/nothing-there"), THREE)
    with pytest.raises(ConfigError, match="no such folder"):
        adopted(tmp_path, tmp_path / "not there", THREE)


@pytest.mark.parametrize("flags", [["x", "--labels", "y", "--name", "z"], ["x", "--labels", "y", "--version", "1.0.0"]])
def test_flags_that_are_missing_are_said(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from models.adopt.bundle import main

    with pytest.raises(SystemExit):
        main(["--to", "to", *flags])
    assert "the following arguments are required: --" in capsys.readouterr().err
