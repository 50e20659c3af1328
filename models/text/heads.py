"""A network of one encoder with several heads: its masked losses, and how it is saved (as safetensors only)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig

from models.recipe import RecipeHead

# Encoders that accept a mask ready to be added to the attention scores, which keeps the exported graph simple.
READY_MADE = ("bert", "roberta", "electra", "xlm-roberta")


class MultiHead(nn.Module):
    """A mean-pooled encoder with one linear layer per head.

    `forward(input_ids, attention_mask)`, both int64 [batch, seq], returns one [batch, labels] tensor of logits per
    head, in the order of `heads`; of a head about sentences [batch, seq, labels], which are pooled later. The mean
    pooling is that of Sentence-BERT (Reimers and Gurevych 2019), with which the base model was trained.
    """

    def __init__(self, encoder: nn.Module, heads: Sequence[RecipeHead]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = tuple(heads)
        width = int(encoder.config.hidden_size)
        self.dropout = nn.Dropout(0.1)
        self.linear = nn.ModuleDict({h.name: nn.Linear(width, len(h.labels)) for h in self.heads})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each head."""
        seen = attention_mask.to(torch.float32)
        if self.encoder.config.model_type in READY_MADE:
            attention_mask = (1.0 - seen[:, None, None, :]) * -10000.0
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = seen.unsqueeze(-1)
        pooled = self.dropout((hidden * mask).sum(1) / mask.sum(1))
        tokens = self.dropout(hidden)
        return tuple(self.linear[h.name](tokens if h.unit == "sentence" else pooled) for h in self.heads)


def new_network(base: Path, heads: Sequence[RecipeHead]) -> MultiHead:
    """Return the base model in a folder, without its pooler, with untrained heads.

    It may be any encoder that `AutoModel` knows.
    """
    encoder = AutoModel.from_pretrained(base, local_files_only=True, **_how(AutoConfig.from_pretrained(base)))
    return MultiHead(encoder.float(), heads)


def _how(config: PretrainedConfig) -> dict[str, Any]:
    """Return the settings of the encoder. Eager attention trains 10 to 20 % faster on a CPU in bf16 than fused."""
    pooler = {"add_pooling_layer": False} if config.model_type in READY_MADE[:2] else {}
    return {"attn_implementation": "eager", **pooler}


def save_network(network: MultiHead, folder: Path) -> None:
    """Write config.json, heads.json and network.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    network.encoder.config.save_pretrained(folder)
    (folder / "heads.json").write_text(json.dumps([h.model_dump() for h in network.heads], indent=1))
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "network.safetensors")


def load_network(folder: Path) -> MultiHead:
    """Return the network that `save_network` wrote, in eval mode."""
    heads = [RecipeHead.model_validate(h) for h in json.loads((folder / "heads.json").read_text())]
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    encoder = AutoModel.from_config(config, **_how(config))
    network = MultiHead(encoder, heads)
    network.load_state_dict(load_file(folder / "network.safetensors"))
    network.eval()
    return network
