"""Bundles small enough to build in a test: real ONNX graphs and a real tokenizer, no training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ("good", "bad", "very", "news", "weather", "river", "prize", "win", "the", "a")
VOID = "void"  # a word whose weights are not finite
POISON = "poison"  # a word on which ONNX Runtime raises, and with it the whole batch
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
VOCABULARY = {word: i for i, word in enumerate((*MARKS, *WORDS, POISON, VOID))}


def text_bundle(folder: Path, by_sentence: bool = False, **changes: Any) -> Path:
    """A text bundle: mean of word weights; `bad` raises `hate`, `win` and `prize` raise `spam`.

    `by_sentence`, the head `hate` is about sentences: its output has the weights of each word.
    """
    weights = np.zeros((len(VOCABULARY), 4), np.float32)  # normal, offensive, hate | spam
    weights[VOCABULARY["good"], 0] = weights[VOCABULARY["bad"], 2] = 6
    weights[VOCABULARY["the"], 0] = 0.5
    weights[VOCABULARY["[PAD]"], 2] = 100 if by_sentence else 0
    weights[VOCABULARY[VOID]] = np.inf
    weights[VOCABULARY["win"], 3] = weights[VOCABULARY["prize"], 3] = 8
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["rows", "mask3"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "one"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Equal", ["input_ids", "poison"], ["is_poison"]),
        helper.make_node("Cast", ["is_poison"], ["ones"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["ones"], ["outside"], keepdims=0),
        helper.make_node("Gather", ["nothing", "outside"], ["raises"]),  # there is only index 0
        helper.make_node("Add", ["mean", "raises"], ["logits"]),
        helper.make_node(
            "Split", ["logits", "sizes"], ["logits_mean" if by_sentence else "logits_hate", "logits_spam"], axis=1
        ),
    ]
    if by_sentence:  # what stands in the padding is not 0, so that a test sees it if it is pooled
        nodes += [
            helper.make_node("Sub", ["three", "mask3"], ["there"]),
            helper.make_node("Mul", ["rows", "there"], ["words"]),
            helper.make_node("Split", ["words", "sizes"], ["logits_hate", "logits_rest"], axis=2),
        ]
    constants = {"table": weights, "last": np.array([2]), "one": np.array([1]), "sizes": np.array([3, 1])}
    constants |= {"poison": np.array(VOCABULARY[POISON]), "nothing": np.zeros(1, np.float32)}
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"]) for n in ("input_ids", "attention_mask")]
    constants |= {"three": np.array([2], np.float32)} if by_sentence else {}
    shapes = {"logits_hate": ["b", "s", 3] if by_sentence else ["b", 3], "logits_spam": ["b", 1]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    _save(folder, nodes, inputs, outputs, constants)
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(list(MARKS))
    tokenizer.save(str(folder / "tokenizer.json"))
    levels = [i / 10 for i in range(10)]
    table = {"rows": 1000, "positives": 500, "thresholds": levels, "precision": [0.5 + x / 2 for x in levels]}
    table["recall"] = [1 - x for x in levels]
    (folder / "calibration.json").write_text(json.dumps(dict.fromkeys(("hate", "spam"), table)))
    return publish(
        folder,
        {
            "name": "tiny-text",
            "modality": "text",
            "tokenizer": "tokenizer.json",
            "text": {"max_tokens": 16, "overlap": 4, **({"sentences": 1} if by_sentence else {})},
            "inputs": ["input_ids", "attention_mask"],
            "heads": [
                {
                    "name": "hate",
                    "kind": "multiclass",
                    "labels": ["normal", "offensive", "hate"],
                    "output": "logits_hate",
                    **({"unit": "sentence"} if by_sentence else {}),
                },
                {
                    "name": "spam",
                    "kind": "multilabel",
                    "labels": ["spam"],
                    "output": "logits_spam",
                    "pool": "mean",
                    "calibration": {"scale": [1.0], "shift": [-2.0]},
                },
            ],
            "calibration": "calibration.json",
            **changes,
        },
    )


def image_bundle(
    folder: Path, channels: int = 3, uint8: tuple[Sequence[float], Sequence[float]] | None = None,
    only_red: bool = False, **changes: Any,
) -> Path:  # fmt: skip
    """An image bundle: `red` is the mean of the red channel, `rest` is not finite where red is full.

    With `uint8`, mean and std, the graph is fed pictures as they are and normalises them itself.
    """
    normalise = [
        helper.make_node("Cast", ["bytes"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["levels", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["shifted"]),
        helper.make_node("Transpose", ["shifted"], ["pixels"], perm=[0, 3, 1, 2]),
    ]
    nodes = [
        *(normalise if uint8 else []),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Slice", ["mean", "zero", "one", "one"], ["red"]),
        helper.make_node("Sub", ["whole", "red"], ["rest"]),
        helper.make_node("Log", ["rest"], ["log"]),
        helper.make_node("Concat", ["red"] if only_red else ["red", "log"], ["logits"], axis=1),
    ]
    constants = {
        "axes": np.array([2, 3]), "zero": np.array([0]), "one": np.array([1]), "whole": np.array([[1.0]], np.float32),
    }  # fmt: skip
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["b", channels, 8, 8])]
    if uint8:
        mean, std = (np.tile(each, channels // 3) for each in uint8)
        constants |= {"scale": (1 / (255 * std)).astype(np.float32), "shift": (-mean / std).astype(np.float32)}
        inputs = [helper.make_tensor_value_info("bytes", TensorProto.UINT8, ["b", 8, 8, channels])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 1 if only_red else 2])]
    _save(folder, nodes, inputs, outputs, constants)
    head = {"name": "colour", "kind": "multilabel", "labels": ["red", "rest"], "output": "logits"}
    return publish(
        folder,
        {
            "name": "tiny-image",
            "modality": "image",
            "image": {"size": [8, 8]} if uint8 else {"size": [8, 8], "mean": [0, 0, 0], "std": [1, 1, 1]},
            "inputs": ["bytes" if uint8 else "pixels"],
            "heads": [head],
            **changes,
        },
    )


def publish(folder: Path, said: dict[str, Any]) -> Path:
    """Write bundle.json over the files that lie in the folder."""
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.name != "bundle.json"}
    whole = {"format": 1, "version": "1.0.0", "model": "model.onnx", "files": files, **said}
    (folder / "bundle.json").write_text(json.dumps(whole, indent=1))
    return folder


def _save(folder: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
