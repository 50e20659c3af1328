"""A checkpoint, labels or rows that do not fit are refused with a way out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from screening.errors import ConfigError
from tests.models.adopt.conftest import TAGS, THREE, adopted, write_rows

pytestmark = pytest.mark.train


def test_a_rounded_file_needs_rows(tagger: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="int8 can't be checked") as caught:
        adopted(tmp_path, tagger, TAGS, precision="int8")
    assert "--calibrate" in caught.value.fix


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
    "code of its own": (own_code, "it brings code of its own", "never run"),
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
        "it takes 'bbox'", "adopt another",
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
    "a label left out": ({"labels": {"LABEL_0": "rude"}}, "no name for 'LABEL_1'"),
    "a label too many": ({"labels": {**TAGS["labels"], "LABEL_7": "x"}}, "the checkpoint has no 'LABEL_7'"),
    "one name for two": ({"labels": {"LABEL_0": "rude", "LABEL_1": "rude"}}, "get the same name"),
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
    "no JSON": ("{", "own.jsonl:61: not a JSON object"),
    "no text": ('{"label": []}', "own.jsonl:61: not a JSON object with 'text'"),
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


def test_a_hub_that_cant_be_reached_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="someone/nothing-there: no such folder, and it can't be fetched"):
        adopted(tmp_path, Path("someone/nothing-there"), THREE)
    with pytest.raises(ConfigError, match="no such folder"):
        adopted(tmp_path, tmp_path / "not there", THREE)


@pytest.mark.parametrize("flags", [["x", "--labels", "y", "--name", "z"], ["x", "--labels", "y", "--version", "1.0.0"]])
def test_flags_that_are_missing_are_said(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from models.adopt.__main__ import main

    with pytest.raises(SystemExit):
        main(["--to", "to", *flags])
    assert "the following arguments are required: --" in capsys.readouterr().err
