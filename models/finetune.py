"""Trains one encoder with several heads on sets that each label only some of them.

    python -m models.finetune RECIPE --rows DIR --out DIR [--steps N]

Reads train.jsonl from `--rows`, writes checkpoints (safetensors) and `final/` below `--out`. `--steps` trains on
the first N batches only, with a schedule that ends there: for a quick try.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.batches import batches, cut, encode, load_tokenizer
from models.heads import MultiHead, masked_loss, new_network, save_network
from models.recipe import Recipe, Source, load_recipe

log = logging.getLogger("models.finetune")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows that models.prepare wrote."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def training_windows(recipe: Recipe, rows: list[dict[str, Any]], seed: int) -> tuple[list[list[int]], list[int]]:
    """Token windows and the row that each belongs to; a long row gives as many as its source's `windows`."""
    by_set: dict[str, Source] = {s.set: s for s in recipe.sources}
    tokenizer = load_tokenizer(recipe.base_model.path())
    chance = random.Random(seed)
    windows, owner = [], []
    for i, ids in enumerate(encode(tokenizer, [r["text"] for r in rows])):
        source = by_set[rows[i]["set"]]
        if source.max_tokens is not None and len(ids) > source.max_tokens:
            ids = [*ids[: source.max_tokens - 1], ids[-1]]
        pieces = cut(ids, recipe.max_tokens, recipe.overlap)
        if len(pieces) > source.windows:
            pieces = chance.sample(pieces, source.windows)
        windows += pieces
        owner += [i] * len(pieces)
    return windows, owner


def epochs(recipe: Recipe, rows: list[dict[str, Any]], owner: list[int]) -> list[list[int]]:
    """Indexes of the windows that each epoch sees: all of them while `passes` lasts, then a fixed part."""
    passes = {s.set: s.passes for s in recipe.sources}
    chance = random.Random(recipe.training.seed)
    lot = [chance.random() for _ in rows]
    count = int(np.ceil(max(passes.values())))
    return [[w for w, i in enumerate(owner) if passes[rows[i]["set"]] - e > lot[i]] for e in range(count)]


def target_arrays(recipe: Recipe, rows: list[dict[str, Any]]) -> list[torch.Tensor]:
    """Per head, float32 [rows, labels] as `masked_loss` wants them."""
    out = []
    for head in recipe.heads:
        missing = [0 if head.kind == "multiclass" else -1] * len(head.labels)
        out.append(torch.tensor([r["targets"].get(head.name, missing) for r in rows], dtype=torch.float32))
    return out


def train(recipe: Recipe, rows: list[dict[str, Any]], out: Path, steps: int | None = None) -> MultiHead:
    """Train, log, keep a checkpoint at each quarter, and give the network."""
    how = recipe.training
    torch.manual_seed(how.seed)
    windows, owner = training_windows(recipe, rows, how.seed)
    targets = target_arrays(recipe, rows)
    chance = random.Random(how.seed)
    plan = []
    for epoch in epochs(recipe, rows, owner):
        for batch in batches([windows[w] for w in epoch], how.tokens_per_batch, chance):
            plan.append((batch, [owner[epoch[k]] for k in batch.rows]))
    network = new_network(recipe.base_model.path(), recipe.heads).to(how.device).train()
    network.encoder.embeddings.requires_grad_(not how.freeze_embeddings)
    groups = [
        {"params": [p for p in network.encoder.parameters() if p.requires_grad], "lr": how.learning_rate},
        {"params": network.linear.parameters(), "lr": how.head_learning_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=how.weight_decay, fused=True)
    plan = plan[:steps]
    steps = len(plan)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min((s + 1) / max(1.0, steps * how.warmup), max(0.0, (steps - s) / steps))
    )
    log.info("%d rows, %d windows, %d steps", len(rows), len(windows), steps)
    started, tokens, losses = time.monotonic(), 0, []
    for step, (batch, batch_rows) in enumerate(plan):
        ids = torch.from_numpy(batch.input_ids).to(how.device)
        mask = torch.from_numpy(batch.attention_mask).to(how.device)
        with torch.autocast(how.device, torch.bfloat16, enabled=how.bf16):
            logits = network(ids, mask)
        loss = masked_loss(logits, [t[batch_rows].to(how.device) for t in targets], network.heads)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rate.step()
        optimiser.zero_grad(set_to_none=True)
        tokens += ids.numel()
        losses.append(loss.item())
        spent = time.monotonic() - started
        if (step + 1) % 25 == 0 or step + 1 == steps:
            left = spent / (step + 1) * (steps - step - 1) / 60
            log.info(
                "step %d/%d loss %.4f, %.0f tokens/s, %.1f min left",
                step + 1,
                steps,
                np.mean(losses[-25:]),
                tokens / spent,
                left,
            )
        if (step + 1) % max(1, steps // 4) == 0:
            save_network(network, out / f"step-{step + 1}")
    save_network(network, out / "final")
    run = {"steps": steps, "tokens": tokens, "seconds": round(time.monotonic() - started), "rows": len(rows)}
    (out / "final" / "training.json").write_text(json.dumps(run))
    return network.eval()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    train(load_recipe(args.recipe), read_rows(args.rows / "train.jsonl"), args.out, args.steps)


if __name__ == "__main__":
    main()
