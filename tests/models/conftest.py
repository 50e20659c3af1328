"""A data set, a recipe and a base model small enough to train in seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

WORDS = [
    "the",
    "river",
    "town",
    "council",
    "budget",
    "free",
    "prize",
    "click",
    "winner",
    "now",
    "library",
    "road",
    "school",
    "music",
    "bread",
    "rain",
    "garden",
    "win",
    "cash",
    "offer",
    "meeting",
    "report",
    "friday",
    "bridge",
    "team",
    "market",
    "claim",
    "urgent",
    "bonus",
    "paper",
    "story",
]
SPAM = ("free", "prize", "click", "winner", "cash", "offer", "claim", "urgent", "bonus")


def rows(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Generated rows of a set whose label is whether a word of spam occurs."""
    chance = random.Random(seed)
    made = []
    for k in range(count):
        said = [chance.choice(WORDS) for _ in range(chance.randint(4, 40))]
        label = "bad" if sum(w in SPAM for w in said) * 3 > len(said) else "good"
        split = "dev" if k % 4 == 0 else "train"
        made.append({"id": str(k), "text": " ".join(said), "label": label, "split": split, "source": "made"})
    return made


def make_data(place: Path) -> Path:
    """A data folder with one set of 200 rows."""
    folder = place / "data"
    folder.mkdir()
    (folder / "made.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows(200)))
    return folder


def make_document(place: Path) -> dict[str, Any]:
    """A valid recipe as a plain document, on the base model that `make_base` puts there."""
    return {
        "name": "tiny",
        "version": "0.1.0",
        "base_model": {"name": "random", "licence": "none", "folder": str(place / "base")},
        "max_tokens": 32,
        "overlap": 8,
        "heads": [
            {"name": "tone", "kind": "multiclass", "labels": ["calm", "loud"], "pool": "max"},
            {"name": "spam", "kind": "multilabel", "labels": ["spam"], "pool": "mean"},
        ],
        "sources": [
            {
                "set": "made",
                "licence": "none",
                "dev": ["tone", "spam"],
                "passes": 6,
                "labels": {"good": {"tone": "calm", "spam": False}, "bad": {"tone": ["loud"], "spam": True}},
            },
            {
                "set": "contrast",
                "licence": "none",
                "limit": 50,
                "harmless": True,
                "labels": {"ordinary": {"spam": False}},
            },
        ],
        "training": {
            "learning_rate": 0.002,
            "head_learning_rate": 0.01,
            "tokens_per_batch": 512,
            "mixed_precision": "no",
            "epochs": 6,
        },
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one set of 200 rows."""
    return make_data(tmp_path)


@pytest.fixture
def recipe_document(tmp_path: Path) -> dict[str, Any]:
    """A valid recipe as a plain document, on the base model of `tiny_base`."""
    return make_document(tmp_path)


@pytest.fixture
def recipe_file(tmp_path: Path, recipe_document: dict[str, Any]) -> Path:
    """The same, written."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe_document))
    return path


@pytest.fixture
def tiny_base(tmp_path: Path) -> Path:
    """The base model of the recipe."""
    return make_base(tmp_path)


def make_base(place: Path) -> Path:
    """A BERT of two narrow layers with random weights, and a tokenizer that knows the words above."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = place / "base"
    letters = [chr(c) for c in range(97, 123)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *letters, *(f"##{x}" for x in letters)]
    ids = {word: k for k, word in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    torch.manual_seed(0)
    size = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    BertModel(BertConfig(vocab_size=len(ids), max_position_embeddings=64, **size)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
