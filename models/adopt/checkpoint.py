"""A classification checkpoint in the format of transformers: what it is, its weights, and what can't be adopted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoConfig,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from screening.errors import ConfigError

Modality = Literal["text", "image"]
MODELS = {"text": AutoModelForSequenceClassification, "image": AutoModelForImageClassification}
TASKS: dict[str, Modality] = {"ForSequenceClassification": "text", "ForImageClassification": "image"}
NEEDED = ["*.json", "*.safetensors", "*.txt", "*.model"]  # of a hub's files: no pickle, no code


def folder_of(checkpoint: str) -> Path:
    """The folder itself, or where the files of a hub name were fetched to; ConfigError when it is neither."""
    if Path(checkpoint).is_dir():
        return Path(checkpoint)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", checkpoint):
        raise ConfigError("no such folder", file=checkpoint, fix="name a folder with config.json, or a hub name")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(checkpoint, allow_patterns=NEEDED))
    except Exception as error:  # the hub's and the network's errors share no base
        what = f"no such folder, and the hub gave nothing: {type(error).__name__}"
        raise ConfigError(
            what, file=checkpoint, fix="fetch it where the hub can be reached, and name the folder"
        ) from None


def read_config(folder: Path) -> tuple[PretrainedConfig, Modality]:
    """Its config, and whether it reads texts or pictures; ConfigError when it is no classifier or brings code."""
    file = str(folder / "config.json")
    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fix = "name a folder that save_pretrained wrote"
        raise ConfigError(f"can't be read: {type(error).__name__}", file=file, fix=fix) from None
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises ValueError, KeyError and others of its own
        fix = "only architectures that transformers itself has can be adopted, and no code is run from a checkpoint"
        what = "it brings code of its own" if "auto_map" in raw else _first_line(error)
        raise ConfigError(what, file=file, fix=fix) from None
    made = (raw.get("architectures") or ["nothing"])[0]
    for task, modality in TASKS.items():
        if made.endswith(task):
            return config, modality
    what = f"architectures: {made} classifies neither texts nor images"
    raise ConfigError(what, file=file, fix=f"adopt a checkpoint of a class that ends in {' or '.join(TASKS)}")


def load_model(folder: Path, config: PretrainedConfig, modality: Modality) -> PreTrainedModel:
    """The model in float32 and eval mode, from safetensors only; ConfigError when a weight is missing.

    Eager attention: plain operators, the same for every length.
    """
    if not any(folder.glob("*.safetensors")):
        what = "its weights are not safetensors" if any(folder.glob("*.bin")) else "it has no weights"
        fix = "where you trust it: AutoModel….from_pretrained(FOLDER).save_pretrained(NEW), and adopt that"
        raise ConfigError(f"{what}; a pickle is not opened", file=str(folder), fix=fix)
    kwargs: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    try:
        model, found = MODELS[modality].from_pretrained(
            folder, config=config, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **kwargs
        )
    except Exception as error:  # whatever a damaged file leads it to
        raise ConfigError(f"can't be loaded: {_first_line(error)}", file=str(folder), fix="save it again") from None
    if missing := sorted(found["missing_keys"]):
        what = f"{missing[0]} and {len(missing) - 1} more weights are not there" if missing[1:] else missing[0]
        raise ConfigError(f"not in the checkpoint: {what}", file=str(folder), fix="adopt one that was fine-tuned")
    return model.eval()


def outputs_of(config: PretrainedConfig) -> tuple[str, ...]:
    """The names of its logits, in their order."""
    return tuple(str(config.id2label[i]) for i in range(config.num_labels))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
