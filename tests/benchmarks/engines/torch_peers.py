"""Peers on torch: `transformers.pipeline`, and batches sorted by length as sentence-transformers makes them.

They run the bundle's network as a torch module: its own weights when a trained network is named, else those of the
base model under untrained heads, which is the same work.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, BertModel, pipeline
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging

from models.text.heads import load_network
from screening.classifiers import Bundle
from tests.benchmarks.engines.contest import Contestant, Run
from tests.benchmarks.engines.work import Work

logging.set_verbosity(logging.CRITICAL)  # it warns of any class that is not its own, at each load
logging.disable_progress_bar()
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
GPU_BATCH = 256  # rows; sorted, as the windows of a batch are then of about one length


class Twin(BertForSequenceClassification):
    """The bundle's network as transformers knows one: mean pooling, and the labels of all heads side by side."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> SequenceClassifierOutput:
        """Logits [batch, labels of all heads]."""
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return SequenceClassifierOutput(logits=self.classifier((hidden * mask).sum(1) / mask.sum(1)))


def contestants(bundle: Bundle, base: Path, network: Path | None) -> Iterator[Contestant]:
    """All that run here: on a machine with CUDA those on the GPU too."""
    answers = "logits" if network else ""
    made = partial(loaded, bundle, base, network)
    for batch, precision in ((32, "fp32"), (1, "fp32"), (32, "bf16")):
        load = partial(through_pipeline, made, precision, batch)
        yield Contestant(f"transformers.pipeline, batch {batch}", precision, load, answers=answers)
    load = partial(sorted_torch, made, "fp32", 32)
    yield Contestant("torch, sorted", "fp32", load, answers=answers, note="as sentence-transformers: batch 32")
    if torch.cuda.is_available():
        yield from on_gpu(bundle, base, network)


def on_gpu(bundle: Bundle, base: Path, network: Path | None, device: str = "cuda") -> Iterator[Contestant]:
    """Those on the GPU; another `device` only rehearses them, and in fp32: a CPU has no fast products in fp16."""
    answers, computed = "logits" if network else "", "fp16" if device == "cuda" else "fp32"
    made = partial(loaded, bundle, base, network)
    load = partial(through_pipeline, made, computed, GPU_BATCH, device, by_length=True)
    yield Contestant("transformers.pipeline, sorted", "fp16", load, answers=answers, quick=True, hardware="gpu")
    load = partial(sorted_torch, made, computed, GPU_BATCH, device)
    yield Contestant("torch SDPA, sorted", "fp16", load, answers=answers, quick=True, hardware="gpu")


def loaded(bundle: Bundle, base: Path, network: Path | None, precision: str, device: str = "cpu") -> tuple[Twin, Any]:
    """The network and its tokenizer, which cuts texts where the bundle does."""
    assert bundle.manifest.text
    config = AutoConfig.from_pretrained(base, num_labels=len(bundle.labels), attn_implementation="sdpa")
    twin = Twin(config)
    if network:
        trained = load_network(network)
        linear = [trained.linear[head.name] for head in bundle.manifest.heads]
        twin.bert.load_state_dict(trained.encoder.state_dict())
        twin.classifier.weight.data = torch.cat([layer.weight.data for layer in linear])
        twin.classifier.bias.data = torch.cat([layer.bias.data for layer in linear])
    else:
        encoder = BertModel.from_pretrained(base, add_pooling_layer=False)
        twin.bert.load_state_dict(encoder.state_dict())
    tokenizer = AutoTokenizer.from_pretrained(base, model_max_length=bundle.manifest.text.max_tokens)
    return twin.to(device, DTYPES[precision]).eval(), tokenizer


def text_pipeline(twin: Twin, tokenizer: Any, device: str = "cpu") -> Any:
    """`transformers.pipeline` for text classification, asked for the logits of every label."""
    asked = {"top_k": None, "function_to_apply": "none", "truncation": True}
    return pipeline("text-classification", model=twin, tokenizer=tokenizer, device=device, **asked)


def made_pipeline(bundle: Bundle, base: Path, network: Path | None) -> Any:
    """The same in one call, for a worker."""
    return text_pipeline(*loaded(bundle, base, network, "fp32"))


def through_pipeline(made: Any, precision: str, batch: int, device: str = "cpu", *, by_length: bool = False) -> Run:
    """The windows' texts through `transformers.pipeline`, as they come or the longest first."""
    classify = text_pipeline(*made(precision, device), device)
    columns = classify.model.config.label2id

    def run(work: Work) -> npt.NDArray[np.float32]:
        order = _longest_first(work.pieces) if by_length else range(len(work.pieces))
        logits = np.empty((len(order), len(columns)), np.float32)
        answers = classify([work.pieces[i] for i in order], batch_size=batch)
        for row, answer in zip(order, answers, strict=True):
            for said in answer:
                logits[row, columns[said["label"]]] = said["score"]
        return logits

    return run


def sorted_torch(made: Any, precision: str, batch: int, device: str = "cpu") -> Run:
    """The longest texts first, so many a batch, padded to the longest of it, fused attention (SDPA)."""
    twin, tokenizer = made(precision, device)

    @torch.inference_mode()
    def run(work: Work) -> npt.NDArray[np.float32]:
        order = _longest_first(work.pieces)
        parts = []
        for start in range(0, len(order), batch):
            texts = [work.pieces[i] for i in order[start : start + batch]]
            fed = tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(device, non_blocking=True)
            parts.append(twin(fed["input_ids"], fed["attention_mask"]).logits)
        found = torch.cat(parts).float().cpu().numpy()
        logits = np.empty_like(found)
        logits[order] = found
        return logits

    return run


def _longest_first(pieces: list[str]) -> list[int]:
    return sorted(range(len(pieces)), key=lambda i: -len(pieces[i]))
