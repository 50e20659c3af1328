"""The contest: every contestant loads, warms up, and then all take turns, so that a busy machine is busy for all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rich.console import Console

from screening.classifiers.manifest import Head
from screening.classifiers.pooling import calibrated
from tests.benchmarks.engines.clock import Clock, Cost, spread, timed
from tests.benchmarks.engines.work import Work

Answer = npt.NDArray[np.floating[Any]] | None
Run = Callable[[Work], Answer]


@dataclass(frozen=True)
class Contestant:
    """Something that classifies articles.

    `load` gives `run`, which takes texts (or, through a job, files) to an answer. The answer holds one column a label:
    `logits` of every window, or calibrated `scores` of every article; None where the weights are not the bundle's.
    A `quick` one is given more to do. What runs through a job loads its model within `run`, which is taken off.
    """

    name: str
    precision: str
    load: Callable[[], Run]
    way: Literal["raw", "job"] = "raw"
    answers: Literal["logits", "scores", ""] = ""
    quick: bool = False
    hardware: Literal["cpu", "gpu"] = "cpu"
    note: str = ""


@dataclass
class Timed:
    """What a contestant cost: to load, each run, and each job over a single article (its start-up)."""

    contestant: Contestant
    work: Work
    load: float = 0.0
    runs: list[Cost] = field(default_factory=list)
    start_ups: list[Cost] = field(default_factory=list)
    answer: Answer = None

    def start_up(self, clock: Clock = "wall") -> float:
        """Seconds that a run takes before its second article, model load included."""
        return statistics.median(getattr(cost, clock) for cost in self.start_ups) if self.start_ups else 0.0

    def speeds(self, clock: Clock = "wall") -> list[float]:
        """Useful tokens a second of each round, start-up apart."""
        return [self.work.tokens / max(1e-3, getattr(cost, clock) - self.start_up(clock)) for cost in self.runs]


def play(contestants: Iterable[Contestant], one: Work, work: Work, more: Work, rounds: int) -> list[Timed]:
    """All of them in turn, forward and backward by turns; `more` is for quick ones, `one` is a single article."""
    console = Console(highlight=False)
    entered: list[tuple[Timed, Run]] = []
    for contestant in contestants:
        entry = Timed(contestant, more if contestant.quick else work)
        cost, run = timed(contestant.load)
        entry.load = cost.wall
        run(entry.work if contestant.quick and contestant.way == "raw" else one)  # warm: kernels for its shapes
        entered.append((entry, run))
        console.print(f"  loaded {contestant.name} {contestant.precision} in {entry.load:.1f} s")
    for number in range(rounds):
        for entry, run in entered if number % 2 == 0 else reversed(entered):
            if entry.contestant.way == "job":
                entry.start_ups.append(timed(partial(run, one))[0])
            cost, entry.answer = timed(partial(run, entry.work))
            entry.runs.append(cost)
        console.print(f"  round {number + 1} of {rounds} done")
    return [entry for entry, _ in entered]


def ratio(entry: Timed, reference: Timed | None, clock: Clock = "wall") -> dict[str, float] | None:
    """How many times the reference's tokens/s in the same round: median and spread."""
    if reference is None:
        return None
    return spread([a / b for a, b in zip(entry.speeds(clock), reference.speeds(clock), strict=True)])


def agreement(heads: Sequence[Head], entry: Timed, entries: Iterable[Timed]) -> float | None:
    """The share of decisions (top label, or at 0.5) that are those of the first fp32 contestant with such answers."""
    kind = entry.contestant.answers
    like = (t for t in entries if kind and t.contestant.answers == kind and t.contestant.precision == "fp32")
    first = next(like, None)
    if first is None or first.answer is None or entry.answer is None:
        return None
    rows = min(len(first.answer), len(entry.answer))
    own, theirs = (_decisions(heads, t.answer[:rows], kind) for t in (entry, first))
    return round(float(np.mean([np.mean(own[name] == theirs[name]) for name in own])), 5)


def _decisions(heads: Sequence[Head], answer: npt.NDArray[Any], kind: str) -> Mapping[str, npt.NDArray[Any]]:
    decided, at = {}, 0
    for head in heads:
        values = answer[:, at : at + len(head.labels)].astype(np.float64)
        at += len(head.labels)
        p = calibrated(head.kind, values, head.calibration) if kind == "logits" else values
        decided[head.name] = p.argmax(1) if head.kind == "multiclass" else p >= 0.5
    return decided
