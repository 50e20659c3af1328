"""One encoder, several heads: the network, its masked losses, and how it is kept on disk (safetensors only)."""

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

# Encoders that take the mask as it is added to the attention scores: it keeps the exported graph to plain operators.
READY_MADE = ("bert", "roberta", "electra", "xlm-roberta")


class MultiHead(nn.Module):
    """Mean-pooled encoder with one linear layer per head.

    `forward(input_ids, attention_mask)`, both int64 [batch, seq], gives one [batch, labels] tensor of logits per
    head, in the order of `heads`. Mean pooling as in Sentence-BERT (Reimers and Gurevych 2019), which the base
    model was trained with.
    """

    def __init__(self, encoder: nn.Module, heads: Sequence[RecipeHead]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = tuple(heads)
        width = int(encoder.config.hidden_size)
        self.dropout = nn.Dropout(0.1)
        self.linear = nn.ModuleDict({h.name: nn.Linear(width, len(h.labels)) for h in self.heads})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Logits per head."""
        seen = attention_mask.to(torch.float32)
        if self.encoder.config.model_type in READY_MADE:
            attention_mask = (1.0 - seen[:, None, None, :]) * -10000.0
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = seen.unsqueeze(-1)
        pooled = self.dropout((hidden * mask).sum(1) / mask.sum(1))
        return tuple(self.linear[h.name](pooled) for h in self.heads)


def masked_loss(logits: Sequence[Tensor], allowed: Sequence[Tensor], heads: Sequence[RecipeHead]) -> Tensor:
    """Mean over all rows of the batch of the summed losses of the heads that a row has a label for.

    `allowed[h]` is float [batch, labels]. Multiclass: 1 for each label the row may have, all 0 = no label, loss
    -log of the probability mass on what is allowed (partial labels). Multilabel: 1, 0, or -1 = no label.
    """
    total = logits[0].new_zeros(())
    for z, target, head in zip(logits, allowed, heads, strict=True):
        if head.kind == "multiclass":
            known = target.sum(1) > 0
            log_p = torch.log_softmax(z.float(), 1)
            per_row = -torch.logsumexp(log_p.masked_fill(target == 0, -1e4), 1)
            total = total + per_row[known].sum()
        else:
            known = target >= 0
            loss = nn.functional.binary_cross_entropy_with_logits(z.float(), target.clamp(min=0), reduction="none")
            total = total + loss[known].sum()
    return total / logits[0].shape[0]


def new_network(base: Path, heads: Sequence[RecipeHead]) -> MultiHead:
    """The base model from its folder, without its pooler, with fresh heads; any encoder that `AutoModel` knows."""
    encoder = AutoModel.from_pretrained(base, local_files_only=True, **_how(AutoConfig.from_pretrained(base)))
    return MultiHead(encoder.float(), heads)


def _how(config: PretrainedConfig) -> dict[str, Any]:
    """Eager attention: on a CPU with bf16 it is 10 to 20 % faster to train than the fused one."""
    pooler = {"add_pooling_layer": False} if config.model_type in READY_MADE[:2] else {}
    return {"attn_implementation": "eager", **pooler}


def save_network(network: MultiHead, folder: Path) -> None:
    """Write config.json, heads.json and network.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    network.encoder.config.save_pretrained(folder)
    (folder / "heads.json").write_text(json.dumps([h.model_dump() for h in network.heads], indent=1))
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "network.safetensors")


def load_network(folder: Path) -> MultiHead:
    """Read what `save_network` wrote; in eval mode."""
    heads = [RecipeHead.model_validate(h) for h in json.loads((folder / "heads.json").read_text())]
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    encoder = AutoModel.from_config(config, **_how(config))
    network = MultiHead(encoder, heads)
    network.load_state_dict(load_file(folder / "network.safetensors"))
    network.eval()
    return network
