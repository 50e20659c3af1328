"""The contest: every contestant loads, warms up, and then all take turns, so that a busy machine is busy for all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rich.console import Console

from screening.classifiers.classifier import calibrated
from screening.classifiers.manifest import Head
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
    """A contestant's times: seconds to load, of each run, and of each job over one article (its start-up)."""

    contestant: Contestant
    work: Work
    load: float = 0.0
    walls: list[float] = field(default_factory=list)
    start_ups: list[float] = field(default_factory=list)
    answer: Answer = None

    @property
    def start_up(self) -> float:
        """Seconds that a run takes before the first article, model load included."""
        return statistics.median(self.start_ups) if self.start_ups else 0.0

    @property
    def speeds(self) -> list[float]:
        """Useful tokens a second of each round, start-up apart."""
        return [self.work.tokens / max(1e-3, wall - self.start_up) for wall in self.walls]


def play(contestants: Iterable[Contestant], one: Work, work: Work, more: Work, rounds: int) -> list[Timed]:
    """All of them in turn, forward and backward by turns; `more` is for quick ones, `one` is a single article."""
    console = Console()
    entered: list[tuple[Timed, Run]] = []
    for contestant in contestants:
        timed = Timed(contestant, more if contestant.quick else work)
        start = time.perf_counter()
        run = contestant.load()
        timed.load = time.perf_counter() - start
        run(one if contestant.way == "job" or not contestant.quick else timed.work)  # warm: kernels for its shapes
        entered.append((timed, run))
        console.print(f"  loaded {contestant.name} {contestant.precision} in {timed.load:.1f} s", highlight=False)
    for number in range(rounds):
        for timed, run in entered if number % 2 == 0 else reversed(entered):
            if timed.contestant.way == "job":
                timed.start_ups.append(_seconds(run, one)[0])
            wall, timed.answer = _seconds(run, timed.work)
            timed.walls.append(wall)
        console.print(f"  round {number + 1} of {rounds} done", highlight=False)
    return [timed for timed, _ in entered]


def _seconds(run: Run, work: Work) -> tuple[float, Answer]:
    start = time.perf_counter()
    answer = run(work)
    return time.perf_counter() - start, answer


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Median, lowest and highest."""
    three = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return {name: round(value, digits) for name, value in three.items()}


def ratio(timed: Timed, reference: Timed | None) -> dict[str, float] | None:
    """How many times the reference's tokens/s in the same round: median and spread."""
    if reference is None:
        return None
    return spread([a / b for a, b in zip(timed.speeds, reference.speeds, strict=True)])


def agreement(heads: Sequence[Head], timed: Timed, all_timed: Iterable[Timed]) -> float | None:
    """The share of decisions (top label, or at 0.5) that are those of the first fp32 contestant with such answers."""
    kind = timed.contestant.answers
    like = (t for t in all_timed if kind and t.contestant.answers == kind and t.contestant.precision == "fp32")
    first = next(like, None)
    if first is None or first.answer is None or timed.answer is None:
        return None
    rows = min(len(first.answer), len(timed.answer))
    own, theirs = (_decisions(heads, t.answer[:rows], kind) for t in (timed, first))
    return round(float(np.mean([np.mean(own[name] == theirs[name]) for name in own])), 5)


def _decisions(heads: Sequence[Head], answer: npt.NDArray[Any], kind: str) -> Mapping[str, npt.NDArray[Any]]:
    decided, at = {}, 0
    for head in heads:
        values = answer[:, at : at + len(head.labels)].astype(np.float64)
        at += len(head.labels)
        p = calibrated(head, values) if kind == "logits" else values
        decided[head.name] = p.argmax(1) if head.kind == "multiclass" else p >= 0.5
    return decided
