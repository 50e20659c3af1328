"""Read a classification checkpoint in the format of transformers, and refuse what can't be adopted."""

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
NEEDED = ["*.json", "*.safetensors", "*.txt", "*.model"]  # the files to fetch from a hub: no pickle, no code


def folder_of(checkpoint: str) -> Path:
    """Return the folder itself, or the folder that the files of a hub name were fetched to.

    Raises ConfigError if `checkpoint` is neither.
    """
    if Path(checkpoint).is_dir():
        return Path(checkpoint)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", checkpoint):
        raise ConfigError("no such folder", file=checkpoint, fix="name a folder with config.json, or a hub name")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(checkpoint, allow_patterns=NEEDED))
    except Exception as error:  # the errors of the hub and of the network share no narrower base class
        what = f"no such folder, and it can't be fetched from the hub: {type(error).__name__}"
        raise ConfigError(
            what, file=checkpoint, fix="fetch it where the hub can be reached, and name the folder"
        ) from None


def read_config(folder: Path) -> tuple[PretrainedConfig, Modality]:
    """Return a checkpoint's config, and whether it reads texts or pictures.

    Raises ConfigError if it isn't a classifier, or if it brings code of its own.
    """
    file = str(folder / "config.json")
    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fix = "name a folder that save_pretrained wrote"
        raise ConfigError(f"can't be read: {type(error).__name__}", file=file, fix=fix) from None
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises ValueError, KeyError and others of its own
        fix = "adopt an architecture that is part of transformers; code in a checkpoint is never run"
        what = "it brings code of its own" if "auto_map" in raw else _first_line(error)
        raise ConfigError(what, file=file, fix=fix) from None
    made = (raw.get("architectures") or ["nothing"])[0]
    for task, modality in TASKS.items():
        if made.endswith(task):
            return config, modality
    what = f"architectures: {made} classifies neither texts nor images"
    raise ConfigError(what, file=file, fix=f"adopt a checkpoint of a class that ends in {' or '.join(TASKS)}")


def load_model(folder: Path, config: PretrainedConfig, modality: Modality) -> PreTrainedModel:
    """Return the model in float32 and eval mode, from safetensors only. Raises ConfigError if a weight is missing.

    Its attention is the eager one, which has plain operators, the same for every length.
    """
    if not any(folder.glob("*.safetensors")):
        what = "its weights are not safetensors" if any(folder.glob("*.bin")) else "it has no weights"
        fix = "if you trust it, run AutoModel….from_pretrained(FOLDER).save_pretrained(NEW) and adopt NEW"
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
    """Return the names of the model's labels, in the order of its logits."""
    return tuple(str(config.id2label[i]) for i in range(config.num_labels))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
