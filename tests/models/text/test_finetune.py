"""Training as a user starts it: killed and started again, on two processes, from other encoders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.recipe import load_recipe

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("tiny_base")]
ALONE = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@pytest.fixture
def rows(recipe_file: Path, data: Path, tmp_path: Path) -> Path:
    from models.data.prepare import prepare

    prepare(load_recipe(recipe_file), data, tmp_path / "rows")
    return tmp_path / "rows"


def command(recipe_file: Path, rows: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "models.finetune", str(recipe_file), "--rows", str(rows), "--out", str(out)]


def test_killed_and_started_again_it_ends_with_the_same_network(
    recipe_file: Path, recipe_document: dict[str, Any], rows: Path, tmp_path: Path
) -> None:
    recipe_document["training"] |= {"checkpoint": 2, "epochs": 3}
    recipe_file.write_text(yaml.safe_dump(recipe_document))
    subprocess.run(command(recipe_file, rows, tmp_path / "whole"), check=True, env=ALONE, capture_output=True)
    out = tmp_path / "killed"
    with subprocess.Popen(command(recipe_file, rows, out), env=ALONE, stderr=subprocess.DEVNULL) as running:
        while not (out / "checkpoint").is_dir():
            assert running.poll() is None, "it ended before its first checkpoint"
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    assert not (out / "final").exists()
    done = subprocess.run(command(recipe_file, rows, out), check=True, env=ALONE, capture_output=True, text=True)
    assert "going on after step" in done.stderr
    final = [tmp_path / name / "final" / "network.safetensors" for name in ("whole", "killed")]
    assert final[0].read_bytes() == final[1].read_bytes()


def test_two_processes_share_the_batches(recipe_file: Path, rows: Path, tmp_path: Path) -> None:
    from models.rows import read_rows
    from models.text.finetune import TextTask

    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    argv = [*launch, *command(recipe_file, rows, tmp_path / "net")[1:]]
    done = subprocess.run(argv, env=ALONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads((tmp_path / "net" / "final" / "training.json").read_text())
    recipe = load_recipe(recipe_file)
    task = TextTask(recipe, read_rows(rows, "train"), read_rows(rows, "dev"))
    assert told["total"] == sum(len(task.batches(e)) // 2 for e in range(recipe.training.epochs))
    assert told["history"][-1]["score"] > 0.7


@pytest.mark.parametrize("kind", ["DistilBert", "ModernBert", "Roberta"])
def test_other_encoders_are_trained_and_exported_too(
    kind: str, recipe_file: Path, rows: Path, tiny_base: Path, tmp_path: Path
) -> None:
    import torch
    import transformers

    from models.export.text import export
    from models.text.finetune import train

    torch.manual_seed(0)
    vocabulary = transformers.AutoConfig.from_pretrained(tiny_base).vocab_size
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if kind == "DistilBert":
        size = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=vocabulary, max_position_embeddings=64, **special, **size
    )
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tiny_base)
    recipe = load_recipe(recipe_file)
    train(recipe, rows, tmp_path / "net", steps=3)
    export(recipe, tmp_path / "net" / "final", tmp_path / "model", precision="fp32")
    assert (tmp_path / "model" / "model.onnx").is_file()
