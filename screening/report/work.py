"""How a run spent its time: the rates and shares that follow from the sums in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from screening.records import Run

_STEP = "ms."


@dataclass(frozen=True, slots=True)
class Step:
    """The seconds of a step over all threads, and their share of all steps' seconds."""

    name: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Work:
    """The rates and shares of a run; None if there is nothing to divide by.

    `rate` is uploads per second from start to commit, `worker_rate` that of one worker while it screens. `padding` is
    the share of the models' input cells that no token fills, `busy` the share of the workers' time in which an engine
    had a batch. `steps` overlap, so their seconds add up to more than the time on the clock.
    """

    rate: float | None
    worker_rate: float | None
    tokens: int
    padding: float | None
    busy: float | None
    retries: int
    models_loaded: int
    reused: int
    steps: tuple[Step, ...]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """All but the steps, as names and values."""
        rates = (("uploads/s", self.rate), ("uploads/s per worker", self.worker_rate))
        shares = (("engine busy", self.busy), ("padding", self.padding))
        counts = (("reused", self.reused), ("retries", self.retries), ("models loaded", self.models_loaded))
        return [
            *((name, f"{value:,.3g}") for name, value in rates if value is not None),
            *((name, f"{value:.1%}") for name, value in shares if value is not None),
            *((name, f"{value:,}") for name, value in (("tokens", self.tokens), *counts)),
        ]


def work_of(run: Run) -> Work | None:
    """Return the work of a run, or None if nothing was counted, as in runs that found nothing new."""
    found = run.metrics
    if "uploads" not in found:
        return None
    seconds = (run.committed_at - run.started_at).total_seconds()
    uploads, cells = found.get("uploads", 0), found.get("tokens", 0) + found.get("padding", 0)
    screening = found.get("wall_ms.screening", 0) / 1000
    steps = {name.removeprefix(_STEP): number / 1000 for name, number in found.items() if name.startswith(_STEP)}
    whole = sum(steps.values())
    ordered = sorted(steps.items(), key=lambda step: (-step[1], step[0]))
    return Work(
        rate=uploads / seconds if seconds > 0 else None,
        worker_rate=uploads / screening if screening else None,
        tokens=found.get("tokens", 0),
        padding=found.get("padding", 0) / cells if cells else None,
        busy=found.get("wall_ms.engine", 0) / 1000 / screening if screening else None,
        retries=found.get("retries", 0),
        models_loaded=found.get("models_loaded", 0),
        reused=found.get("reused", 0),
        steps=tuple(Step(name, each, each / whole) for name, each in ordered if whole),
    )
