"""Tries uploads as a job does, in the decoder's children and through the checks, and counts what comes of them."""

from __future__ import annotations

import faulthandler
import math
import resource
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil

from screening.checks import run_checks
from screening.decode import REASONS, Decoder, Limits
from screening.errors import CIRCUMSTANCES, UploadError
from tests.fuzz.mutants import Case

HANG = 120  # seconds of the clock, six times what a decoder is given


@dataclass
class Figures:
    """What came of the cases so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)  # neither content nor an UploadError: what must not be
    unsettled: list[str] = field(default_factory=list)
    costs: list[tuple[float, int, str, str]] = field(default_factory=list)  # seconds, bytes, outcome, name

    def table(self) -> str:
        """Markdown for tests/benchmarks/RESULTS.md."""
        lines = ["| outcome | uploads |", "|---|---|", f"| all | {self.outcomes.total():,} |"]
        lines += [f"| `{outcome}` | {number:,} |" for outcome, number in self.outcomes.most_common()]
        lines += [f"| faults (none of these) | {len(self.faults)} |", ""]
        lines += ["| the slowest ten | outcome | processor seconds | bytes |", "|---|---|---|---|"]
        slowest = sorted(self.costs, reverse=True)[:10]
        lines += [f"| {name} | `{outcome}` | {seconds:.2f} | {size:,} |" for seconds, size, outcome, name in slowest]
        if self.unsettled:
            lines += ["", "Crashes and time-outs:", "", *(f"- {case}" for case in self.unsettled)]
        return "\n".join([*lines, *(f"\nFAULT {fault}" for fault in self.faults)]) + "\n"


def attempt(cases: Iterable[Case], limits: Limits = Limits()) -> Figures:
    """Decode and check each; a case that hangs ends this process, with its stack."""
    figures = Figures()
    with Decoder(limits) as decoder:
        for case in cases:
            faulthandler.dump_traceback_later(HANG, exit=True)
            before = _spent()
            try:
                outcome = _outcome(decoder, case)
            except Exception:  # whatever it is, the next case must be tried
                outcome = "fault"
                figures.faults.append(f"{case.name}\n{traceback.format_exc()}")
            faulthandler.cancel_dump_traceback_later()
            figures.outcomes[outcome] += 1
            if outcome in CIRCUMSTANCES | {"too_much_work"}:
                figures.unsettled.append(case.name)
            figures.costs.append((_spent() - before, len(case.data), outcome, case.name))
    return figures


def _outcome(decoder: Decoder, case: Case) -> str:
    try:
        content = decoder.decode(case.data)
    except UploadError as error:
        if error.reason not in REASONS:
            raise ValueError(f"{error.reason} is no reason of a decoder") from error
        return error.reason
    signals = run_checks(content, ("en",))
    if not signals or not all(math.isfinite(signal.score) for signal in signals):
        raise ValueError("a check has no finite score")
    return "decoded"


def _spent() -> float:
    """Processor seconds of this process and all its children so far, those that ended too."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children())
    return time.process_time() + ended.ru_utime + ended.ru_stime + alive
