"""Train a network: a `Task` says what is trained, `Training` says how, and an interrupted run continues where it was.

    accelerate launch -m models.finetune …              # one GPU or several, as `accelerate config` says
    torchrun --nproc_per_node=2 -m models.finetune …    # several processes on CPUs
    python -m models.finetune …                         # this process

An epoch is a fixed list of batches, dealt to the processes in turn. The state (weights, optimiser, schedule, random
numbers) is saved every `checkpoint` steps and after every epoch, so a run that was killed and continued ends with the
same weights as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, set_seed
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from models.recipe import Training
from models.training.curves import draw_curves
from screening.errors import ConfigError
from screening.hardware import multiplies_bf16

log = logging.getLogger("models.training")


class Task(Protocol):
    """What is trained. All its randomness must follow from the recipe's seed and the epoch."""

    def network(self) -> nn.Module:
        """Return the network before training: `encoder` gets `learning_rate`, the rest `head_learning_rate`."""
        ...

    def batches(self, epoch: int) -> Sequence[Any]:
        """Return all batches of an epoch, the same at each call."""
        ...

    def loss(self, network: nn.Module, batch: Any, device: str) -> Tensor:
        """Return the mean loss of a batch."""
        ...

    def amount(self, batch: Any) -> int:
        """Return how much a batch is to learn from: its tokens, padding included, or its pictures."""
        ...

    def identity(self) -> str:
        """Return a digest of the rows and their targets."""
        ...

    def measure(self, network: nn.Module, device: str) -> dict[str, float]:
        """Return figures on dev rows; `score` (higher is better) decides when to stop and which epochs are kept."""
        ...


def fit(task: Task, how: Training, out: Path, steps: int | None = None) -> nn.Module:
    """Train, or continue the run in `out`; return the mean of the best epochs, on the CPU and in eval mode.

    Writes history.json, curves.svg and the weights of those epochs to `out`. `steps` ends the training early, for a
    quick try; the schedule still spans all epochs. Raises ConfigError if the checkpoint in `out` is from another
    training.
    """
    set_seed(how.seed)
    gpu = torch.accelerator.is_available()
    # A CPU without bfloat16 would take three times as long in it as in float32.
    precision = how.mixed_precision if gpu or multiplies_bf16() else "no"
    accelerator = Accelerator(mixed_precision=precision, cpu=not gpu)
    device = accelerator.device.type
    network = task.network()
    encoder = [p for n, p in network.named_parameters() if n.startswith("encoder.") and p.requires_grad]
    fresh = [p for n, p in network.named_parameters() if not n.startswith("encoder.")]
    groups = [{"params": encoder, "lr": how.learning_rate}, {"params": fresh, "lr": how.head_learning_rate}]
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]], weight_decay=how.weight_decay, fused=True)
    network, optimiser = accelerator.prepare(network, optimiser)
    plan = [_mine(task.batches(epoch), accelerator) for epoch in range(how.epochs)]
    total = sum(-(-len(epoch) // how.accumulate) for epoch in plan)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser.optimizer, lambda s: min((s + 1) / max(1.0, total * how.warmup), max(0.0, (total - s) / total))
    )
    accelerator.register_for_checkpointing(rate)
    record = _Record(out, accelerator, total, how, _identity(task, how, network, plan, accelerator.num_processes))
    record.resume()
    bar = tqdm(total=total, initial=record.steps, disable=None if accelerator.is_main_process else True, unit="step")
    done = 0
    for epoch, batches in enumerate(plan):
        if epoch < len(record.history):  # it was measured, so it is complete
            done += -(-len(batches) // how.accumulate)
            continue
        if record.stale() >= how.patience:
            log.info("stopped after epoch %d: the best was epoch %d", epoch, record.ranked()[0] + 1)
            break
        network.train()
        for start in range(0, len(batches), how.accumulate):
            done += 1
            if done <= record.steps:
                continue
            part = batches[start : start + how.accumulate]
            for k, batch in enumerate(part):
                record.seen += task.amount(batch)
                with nullcontext() if k + 1 == len(part) else accelerator.no_sync(network):
                    loss = task.loss(network, batch, device)
                    accelerator.backward(loss / len(part))
                    record.losses.append(loss.item())
            accelerator.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            rate.step()
            optimiser.zero_grad(set_to_none=True)
            record.step(done)
            bar.update()
            if done == steps:
                break
        # The figures of one process count for all, since otherwise processes could disagree on when to stop.
        (figures,) = broadcast_object_list([task.measure(accelerator.unwrap_model(network).eval(), device)])
        record.epoch(epoch, figures, whole=done != steps)
        if done == steps:
            break
    accelerator.wait_for_everyone()
    best: nn.Module = accelerator.unwrap_model(network).cpu()
    best.load_state_dict(mean_weights([record.weights(epoch) for epoch in record.ranked()[: how.average]]))
    return best.eval()


def mean_weights(files: Sequence[Path]) -> dict[str, Tensor]:
    """Return the mean of each tensor over the safetensors files."""
    states = [load_file(file) for file in files]
    return {k: (sum(s[k].double() for s in states) / len(states)).to(v.dtype) for k, v in states[0].items()}


def _identity(task: Task, how: Training, network: nn.Module, plan: Sequence[Any], processes: int) -> str:
    """Return a digest of what defines this training, so that no other one continues from its checkpoint."""
    shapes = [(name, list(p.shape)) for name, p in network.named_parameters()]
    said = [how.model_dump_json(), shapes, [len(epoch) for epoch in plan], processes, task.identity()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _mine(batches: Sequence[Any], accelerator: Accelerator) -> Sequence[Any]:
    """Return this process's share: as many batches as each of the others, since they wait for each other."""
    even = len(batches) - len(batches) % accelerator.num_processes
    return batches[accelerator.process_index : even : accelerator.num_processes]


class _Record:
    """What a run has done so far: written with every checkpoint, and read when the run continues."""

    def __init__(self, out: Path, accelerator: Accelerator, total: int, how: Training, identity: str) -> None:
        self.out, self.accelerator, self.total, self.how, self.identity = out, accelerator, total, how, identity
        self.steps, self.losses, self.history = 0, list[float](), list[dict[str, float]]()
        self.seconds, self.started = 0.0, time.monotonic()
        self.seen, self.told = 0, (0, self.started)

    def resume(self) -> None:
        """Load the last checkpoint, if there is one. Raises ConfigError if it is from another training."""
        folder = self.out / "checkpoint"
        if not folder.is_dir():
            return
        said = json.loads((folder / "record.json").read_text())
        if said["training"] != self.identity:
            what = "it is from another training, with other rows, settings, network or number of processes"
            raise ConfigError(what, file=str(folder), fix="remove the folder, or name another --out")
        self.accelerator.load_state(str(folder))
        self.steps, self.losses, self.history = said["steps"], said["losses"], said["history"]
        self.seconds = said["seconds"]
        log.info("going on after step %d of %d", self.steps, self.total)

    def step(self, done: int) -> None:
        """Count one optimiser step; log it (with the tokens or pictures per second) and save it at intervals."""
        self.steps = done
        if done % 50 == 0 or done == self.total:
            speed = (self.seconds + time.monotonic() - self.started) / done
            left, (seen, when), now = speed * (self.total - done) / 60, self.told, time.monotonic()
            pace, loss = (self.seen - seen) / (now - when), np.mean(self.losses[-50:])
            log.info("step %d/%d loss %.4f, %.0f/s, %.1f min left", done, self.total, loss, pace, left)
            self.told = self.seen, now
        if done % self.how.checkpoint == 0:
            self._keep()

    def epoch(self, epoch: int, figures: dict[str, float], whole: bool) -> None:
        """Record an epoch's figures and its weights, if they are among the best; save the state of a `whole` epoch."""
        self.history.append({"epoch": epoch, "step": self.steps, **figures})
        log.info("epoch %d: %s", epoch + 1, {k: round(v, 4) for k, v in figures.items()})
        if self.accelerator.is_main_process:
            self.out.mkdir(parents=True, exist_ok=True)
            weights = self.accelerator.unwrap_model(self.accelerator._models[0]).state_dict()
            save_file({k: v.contiguous().cpu() for k, v in weights.items()}, self.weights(epoch))
            (self.out / "history.json").write_text(json.dumps(self._said(), indent=1))
            draw_curves(self.losses, self.history, self.out / "curves.svg")
        if whole:
            self._keep()
            for worse in self.ranked()[self.how.average :]:
                self.weights(worse).unlink(missing_ok=True)

    def weights(self, epoch: int) -> Path:
        """Return the file with the weights after an epoch."""
        return self.out / f"epoch-{epoch + 1}.safetensors"

    def ranked(self) -> list[int]:
        """Return the epochs, highest score first."""
        return sorted(range(len(self.history)), key=lambda epoch: -self.history[epoch]["score"])

    def stale(self) -> int:
        """Return the number of epochs since the best one."""
        return len(self.history) - 1 - self.ranked()[0] if self.history else 0

    def _said(self) -> dict[str, Any]:
        spent = self.seconds + time.monotonic() - self.started
        return {"steps": self.steps, "total": self.total, "seconds": round(spent, 1), "history": self.history}

    def _keep(self) -> None:
        """Save a checkpoint, which appears whole or not at all."""
        folder, draft = self.out / "checkpoint", self.out / "checkpoint.draft"
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(draft))
        self.accelerator.wait_for_everyone()  # each process has written its random numbers there
        if self.accelerator.is_main_process:
            said = {**self._said(), "training": self.identity, "losses": self.losses}
            (draft / "record.json").write_text(json.dumps(said))
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        self.accelerator.wait_for_everyone()
