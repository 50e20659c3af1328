"""The loop: cut off and gone on it ends with the same weights; it stops early, keeps the best, deals out batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.recipe import Training
from screening.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor, nn

pytestmark = pytest.mark.train
HOW = Training(epochs=4, learning_rate=0.01, head_learning_rate=0.05, checkpoint=3, mixed_precision="no", patience=4)


class Cut(Exception):
    """The process dies."""


class Parity:
    """Learns the sign of a sum, with dropout, so that the random numbers matter too."""

    def __init__(
        self, cut: int | None = None, scores: Sequence[float] = (0.1, 0.2, 0.3, 0.4), size: int = 8, rows: str = "these"
    ) -> None:
        self.cut, self.scores, self.size, self.rows = cut, list(scores), size, rows
        self.seen: list[Any] = []
        self.measured = 0

    def network(self) -> nn.Module:
        import torch

        return torch.nn.Sequential(
            torch.nn.Linear(4, 16), torch.nn.Dropout(0.3), torch.nn.Tanh(), torch.nn.Linear(16, 1)
        )

    def batches(self, epoch: int) -> Sequence[tuple[int, int]]:
        return [(epoch, k) for k in range(5)]

    def loss(self, network: nn.Module, batch: tuple[int, int], device: str) -> Tensor:  # noqa: ARG002 - the protocol gives it
        import torch

        if len(self.seen) == self.cut:
            raise Cut
        self.seen.append(batch)
        lot = torch.Generator().manual_seed(10 * batch[0] + batch[1])
        x = torch.randn((self.size, 4), generator=lot)
        return torch.nn.functional.binary_cross_entropy_with_logits(network(x)[:, 0], (x.sum(1) > 0).float())

    def amount(self, batch: tuple[int, int]) -> int:  # noqa: ARG002 - the protocol gives it
        return self.size

    def identity(self) -> str:
        return self.rows

    def measure(self, network: nn.Module, device: str) -> dict[str, float]:  # noqa: ARG002 - the protocol gives it
        assert not network.training
        self.measured += 1
        return {"score": self.scores[self.measured - 1]}


def weights(network: nn.Module) -> list[float]:
    return [float(v) for p in network.parameters() for v in p.detach().flatten()]


@pytest.mark.parametrize("cut", [1, 4, 7, 10, 13, 19])
def test_cut_off_anywhere_it_goes_on_to_the_same_weights(cut: int, tmp_path: Path) -> None:
    from models.training.loop import fit

    whole = weights(fit(Parity(), HOW, tmp_path / "whole"))
    with pytest.raises(Cut):
        fit(Parity(cut), HOW, tmp_path / "cut")
    again = Parity(scores=[0.1, 0.2, 0.3, 0.4][cut // 5 :])
    assert weights(fit(again, HOW, tmp_path / "cut")) == whole
    assert len(again.seen) < 20 or cut < 3  # what a checkpoint holds is not done again
    told = json.loads((tmp_path / "cut" / "history.json").read_text())
    assert [h["score"] for h in told["history"]] == [0.1, 0.2, 0.3, 0.4]


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    from models.training.loop import fit

    once = weights(fit(Parity(), HOW, tmp_path))
    again = Parity(cut=0)
    assert weights(fit(again, HOW, tmp_path)) == once
    assert again.measured == 0


def test_it_stops_when_dev_gets_no_better_and_keeps_the_best(tmp_path: Path) -> None:
    from models.training.loop import fit

    how = HOW.model_copy(update={"patience": 2})
    task = Parity(scores=[0.5, 0.4, 0.3, 0.9])
    best = weights(fit(task, how, tmp_path / "stopped"))
    assert task.measured == 3
    one = Parity(scores=[0.5, 0, 0, 0])
    assert weights(fit(one, HOW, tmp_path / "all")) == best
    again = Parity()
    assert weights(fit(again, how, tmp_path / "stopped")) == best
    assert again.measured == 0


def test_the_best_epochs_are_averaged(tmp_path: Path) -> None:
    from models.training.loop import fit

    def after(*scores: float, average: int = 1) -> list[float]:
        how = HOW.model_copy(update={"average": average})
        return weights(fit(Parity(scores=scores), how, tmp_path / str((scores, average))))

    second, fourth = after(0, 1, 0, 0), after(0, 0, 0, 1)
    both = after(0.2, 0.9, 0.1, 0.8, average=2)
    assert both == pytest.approx([(a + b) / 2 for a, b in zip(second, fourth, strict=True)], abs=1e-7)
    kept = sorted(p.name for p in (tmp_path / str(((0.2, 0.9, 0.1, 0.8), 2))).glob("*.safetensors"))
    assert kept == ["epoch-2.safetensors", "epoch-4.safetensors"]


def test_accumulated_batches_are_one_larger_batch(tmp_path: Path) -> None:
    from models.training.loop import fit

    class Plain(Parity):
        def network(self) -> nn.Module:
            import torch

            return torch.nn.Linear(4, 1)

        def batches(self, epoch: int) -> Sequence[Any]:
            return [[(epoch, k) for k in range(4)]] if self.size == 1 else super().batches(epoch)[:4]

        def loss(self, network: nn.Module, batch: Any, device: str) -> Tensor:
            import torch

            parts = batch if self.size == 1 else [batch]
            self.size, size = 8, self.size
            total = torch.stack([super(Plain, self).loss(network, b, device) for b in parts]).mean()
            self.size = size
            return total

    large = weights(fit(Plain(size=1), HOW, tmp_path / "large"))
    how = HOW.model_copy(update={"accumulate": 4})
    assert weights(fit(Plain(size=8), how, tmp_path / "small")) == pytest.approx(large, abs=1e-6)


def test_a_quick_try_leaves_nothing_that_a_whole_training_would_go_on_from(tmp_path: Path) -> None:
    from models.training.loop import fit

    whole = weights(fit(Parity(), HOW, tmp_path / "whole"))
    fit(Parity(), HOW, tmp_path / "tried", steps=2)
    task = Parity()
    assert weights(fit(task, HOW, tmp_path / "tried")) == whole
    assert len(task.seen) == 20


def test_a_try_that_ended_well_takes_no_weights_from_a_whole_training(tmp_path: Path) -> None:
    from models.training.loop import fit

    fit(Parity(scores=[0.5, 0.9]), HOW, tmp_path, steps=7)  # its second epoch was cut short, and looked better
    task = Parity(scores=[0.1, 0.2, 0.3])
    fit(task, HOW, tmp_path)
    assert json.loads((tmp_path / "history.json").read_text())["history"][0]["score"] == 0.5
    assert (tmp_path / "epoch-1.safetensors").is_file()


def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    from models.training.loop import fit

    fit(Parity(), HOW, tmp_path)
    others = [HOW.model_copy(update=c) for c in ({"epochs": 5}, {"seed": 8}, {"learning_rate": 0.02})]
    for how in others:
        with pytest.raises(ConfigError, match="from another training") as error:
            fit(Parity(), how, tmp_path)
        assert str(tmp_path) in str(error.value)
    with pytest.raises(ConfigError, match="from another training"):
        fit(Parity(rows="others"), HOW, tmp_path)


def test_curves_are_drawn(tmp_path: Path) -> None:
    from models.training.loop import fit

    fit(Parity(), HOW, tmp_path)
    assert "<svg" in (tmp_path / "curves.svg").read_text()
