"""Engines that Beam is told to use by `--runner`, as any other: one that does nothing, and one that is looked at."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar

from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner


class Running:
    """A job as a portable runner gives it: it ends when it is cancelled or told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.ended = threading.Event()
        self.cancelled = False
        self._failure = failure

    def wait_until_finish(self):
        self.ended.wait(30)
        if self._failure:
            raise self._failure

    def cancel(self):
        self.cancelled = True
        self.ended.set()


class Idle(PipelineRunner):
    """Takes any pipeline, and what became of it is `job`."""

    job: ClassVar[Running]

    def run_pipeline(self, pipeline, options):  # noqa: ARG002 (Beam's own signature)
        return self.job


class Watched(FnApiRunner):
    """Runs in this process, and notes how many signs of life there are in `place` at the end of each job."""

    place: ClassVar[Path]
    seen: ClassVar[list[int]] = []

    def run_pipeline(self, pipeline, options):
        result = super().run_pipeline(pipeline, options)
        self.seen.append(len(list(self.place.iterdir())))
        return result
