"""The training loop: what it trains is a task, how it trains is `Training`, and where it was cut off it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from models.recipe import Training


class Task(Protocol):
    """What is trained. Everything that is left to chance must follow from the recipe's seed and the epoch."""

    def network(self) -> nn.Module:
        """The network before training."""
        ...

    def batches(self, epoch: int) -> Sequence[Any]:
        """All batches of an epoch, the same whenever it is asked; an empty list ends the training."""
        ...

    def loss(self, network: nn.Module, batch: Any, device: str) -> Tensor:
        """Mean loss of a batch."""
        ...

    def measure(self, network: nn.Module, device: str) -> dict[str, float]:
        """Figures on dev rows; `score`, higher is better, decides when to stop and which epoch is kept."""
        ...


def fit(task: Task, how: Training, out: Path) -> nn.Module:
    """Train, or go on where `out` stopped, and give the best network in eval mode."""
    raise NotImplementedError
