"""Adopt a text checkpoint: its tokenizer, the windows that it can read, and its logits over windows cut as in jobs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from models.adopt.labels import Labels
from models.export.convert import PARITY
from models.recipe import RecipeHead
from models.text.score import OnnxModel, Windows, score
from screening.classifiers.batches import feed, padded
from screening.classifiers.engines import Feed
from screening.classifiers.manifest import TOKENISED, Windowing
from screening.classifiers.pooling import calibrated
from screening.classifiers.windows import Window, load_tokenizer, windows
from screening.errors import ConfigError

LONGEST, CEILING = 512, 8192  # tokens of a window: the most unless LABELS.yaml says more, and the most of any bundle
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")  # without any, transformers makes an empty one
PROBES = (
    "The library will reopen on Monday.",
    "a",
    "WINNER!! Claim your prize now, reply YES – 100% frei: www.example.org/?q=1",
    "Ünïcode, 日本語 and emoji 🙂 too.",
    "The council discussed the budget for schools and roads. " * 6,
    "The council discussed the budget for schools and roads. " * 400,
)


class Network(nn.Module):
    """A network that gives the logits alone, of what jobs feed: it is padded with zeros on the right, for any model."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.pad = int(model.config.pad_token_id or 0)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> tuple[Tensor]:
        """Return logits [batch, labels]; the inputs are int64 [batch, seq]."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        ids = torch.where(attention_mask > 0, input_ids, self.pad)
        return (self.model(input_ids=ids, attention_mask=attention_mask, **types).logits,)


@dataclass(frozen=True)
class TextCheckpoint:
    """A text classifier, with everything that a bundle needs of it."""

    network: Network
    tokenizer: bytes
    windowing: Windowing
    inputs: tuple[str, ...]
    file: str

    def record(self) -> dict[str, Any]:
        """The entries of bundle.json that describe it."""
        return {
            "modality": "text",
            "tokenizer": "tokenizer.json",
            "text": self.windowing.model_dump(exclude_none=True),
            "inputs": self.inputs,
        }

    @property
    def files(self) -> dict[str, bytes]:
        """The files that the bundle has beside the model."""
        return {"tokenizer.json": self.tokenizer}

    def feeds(self) -> list[Feed]:
        """Return windows of several lengths: each alone, unpadded and padded, and batches of mixed lengths."""
        cut = self._cut(PROBES)[: len(PROBES) + 4]
        padded_alone = [feed([window], self.inputs) for window in cut]
        return [*map(self._bare, cut), *padded_alone, feed(cut, self.inputs), feed(cut[:3], self.inputs)]

    def check(self, head: RecipeHead) -> None:
        """Raise ConfigError if padding moves a score."""
        cut = self._cut(PROBES)[: len(PROBES) + 4]
        with torch.no_grad():
            alone, together = (
                torch.cat([self.network(*(torch.from_numpy(v) for v in each.values()))[0] for each in feeds])
                for feeds in (map(self._bare, cut), [feed(cut, self.inputs)])
            )
        moved = np.abs(calibrated(head.kind, alone.numpy()) - calibrated(head.kind, together.numpy())).max()
        if not moved <= PARITY:
            what = f"padding moves a score by {moved:.1e}, but a score must not depend on the rest of its batch"
            raise ConfigError(
                what, file=self.file, fix="adopt a model that honours attention_mask, padded on the right"
            )

    def scored(self, path: Path, head: RecipeHead, texts: Sequence[str]) -> Windows:
        """Return the logits of all windows of the texts, by the model at `path`."""
        return score(OnnxModel(path, [head], inputs=self.inputs), self._cutter(), texts)

    def _cut(self, texts: Sequence[str]) -> list[Window]:
        return list(windows(self._cutter(), texts))

    def _cutter(self) -> Tokenizer:
        return load_tokenizer(self.tokenizer, self.windowing, self.file)

    def _bare(self, window: Window) -> Feed:
        return {name: values[:, : window.span.tokens] for name, values in feed([window], self.inputs).items()}


def text_checkpoint(folder: Path, model: PreTrainedModel, labels: Labels, labels_file: str) -> TextCheckpoint:
    """Return the checkpoint with its tokenizer and windows.

    Raises ConfigError if it has no fast tokenizer, or if the model takes an input that a text can't give.
    """
    file = str(folder)
    if not any(path.suffix == ".model" or path.name in VOCABULARIES for path in folder.iterdir()):
        raise ConfigError("it has no tokenizer", file=file, fix="save the tokenizer beside the model: tokenizer.json")
    try:
        own = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers may raise anything for a missing or strange file
        what = f"no tokenizer: {str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}"
        raise ConfigError(what, file=file, fix="save the tokenizer beside the model, with tokenizer.json") from None
    if not own.is_fast:
        fix = "save a fast tokenizer (tokenizer.json) beside the model"
        raise ConfigError(f"{type(own).__name__} is not a fast tokenizer", file=file, fix=fix)
    taken = inspect.signature(model.forward).parameters
    if strange := [n for n in own.model_input_names if n not in TOKENISED]:
        raise ConfigError(
            f"it takes {strange[0]!r}, but a text gives only {', '.join(TOKENISED)}",
            file=file,
            fix="adopt another model",
        )
    types = "token_type_ids" in taken and getattr(model.config, "type_vocab_size", 0) > 1
    inputs = TOKENISED if types else TOKENISED[:2]
    own.backend_tokenizer.no_truncation()
    own.backend_tokenizer.no_padding()
    raw = own.backend_tokenizer.to_str().encode()
    found = TextCheckpoint(Network(model), raw, _windowing(model, own, labels, labels_file), inputs, file)
    _same_tokens(found, own)
    return found


def _windowing(model: PreTrainedModel, own: PreTrainedTokenizerBase, labels: Labels, labels_file: str) -> Windowing:
    """Return the windows that LABELS.yaml asks for, or else as long as the model reads with the padding of jobs."""
    reads = min(int(own.model_max_length), _positions(model), CEILING)
    most = max((n for n in range(8, reads + 1) if padded(n) <= reads), default=0)
    size = labels.max_tokens or min(most, LONGEST)
    overlap = size // 8 if labels.overlap is None else labels.overlap
    if not 8 <= size <= most:
        raise ConfigError(f"max_tokens: {size}, but the model reads {most}", file=labels_file, fix="write less")
    if overlap > size // 2:
        raise ConfigError(f"overlap: {overlap} is more than half of {size}", file=labels_file, fix="write less")
    return Windowing(max_tokens=size, overlap=overlap)


def _positions(model: PreTrainedModel) -> int:
    """Return how many tokens the model has positions for.

    These are fewer than its rows if positions are counted from the padding's, as in RoBERTa.
    """
    rows = [int(getattr(model.config, "max_position_embeddings", 10**9))]
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.endswith("position_embeddings"):
            rows.append(module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1))
    return min(rows)


def _same_tokens(found: TextCheckpoint, own: PreTrainedTokenizerBase) -> None:
    """Raise ConfigError if tokenizer.json alone doesn't cut texts as the checkpoint's own tokenizer does."""
    tokens = own.backend_tokenizer.from_str(found.tokenizer.decode())
    for probe in PROBES[:-1]:
        wanted, got = own(probe, truncation=False, verbose=False), tokens.encode(probe)
        types = wanted.get("token_type_ids", [0] * len(got.ids))
        if wanted["input_ids"] != got.ids or types != got.type_ids:
            fix = "save the tokenizer again with save_pretrained, with its special tokens in the post-processor"
            raise ConfigError("tokenizer.json alone gives other tokens than the checkpoint", file=found.file, fix=fix)
    if len(own) > found.network.model.get_input_embeddings().num_embeddings:
        what = f"its tokenizer has {len(own)} tokens, more than the model has embeddings"
        raise ConfigError(what, file=found.file, fix="save the tokenizer that it was trained with")
