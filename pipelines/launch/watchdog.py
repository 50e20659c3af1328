"""Cancel a job whose workers never start, or hang.

Flink's job server reports only that a job is running, and waits for ever for a worker that can't start. So workers
record heartbeats beside the results, and the launcher cancels a job whose heartbeats stop. Local runs work inside the
launcher, and Dataflow watches its workers itself, so neither needs heartbeats.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pipelines import beam
from pipelines.beam import FlinkRunnerOptions, GoogleCloudOptions, PipelineOptions
from pipelines.launch import dataflow
from pipelines.launch import options as flags
from screening.errors import ConfigError, ScreeningError
from screening.storage import open_store

log = logging.getLogger(__name__)

PATIENCE = 1800.0  # seconds without a heartbeat; a shuffle of a large input has none, and takes minutes
WARN = 60.0  # seconds without a first heartbeat
# A bucket takes one write per second to an object, so processes spread their heartbeats over 256 at random.
_MINE = f"{random.randrange(256):03d}"
_due: dict[Signs, float] = {}

LOOK = (
    "check that the cluster has free slots, that a worker pool listens at --environment_config beside every "
    "TaskManager, and that the first `python` on that pool's PATH has the same version of this package as the launcher"
)


class Stalled(ScreeningError):
    """No worker made progress for too long, so the launcher gave up on the job."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The heartbeats that the workers of a run record below `place`; it is "" if nobody reads them."""

    place: str = ""
    run_id: str = ""
    every: float = 5.0  # seconds between two heartbeats of a process

    def leave(self) -> None:
        """Record a heartbeat after real progress; calls are rate-limited."""
        now = time.monotonic()
        if not self.place or now < _due.get(self, 0.0):
            return
        _due[self] = now + self.every
        try:
            open_store(self.place).put(f"{self.place}/{self.run_id}.{_MINE}", str(time.time()).encode())
        except ScreeningError as error:  # not worth losing work for: the next heartbeat is due soon
            log.warning("no_sign_left", extra={"error": str(error)})

    def seen(self) -> dict[str, int]:
        """Return the heartbeats that are there, by URI, with their generations."""
        try:
            found = open_store(self.place).list(self.place)
            return {sign.uri: sign.generation for sign in found if sign.name.rpartition(".")[0] == self.run_id}
        except ConfigError:  # no such folder yet
            return {}

    def remove(self) -> None:
        """Delete all heartbeats of this run."""
        with suppress(ScreeningError):
            for uri, generation in self.seen().items():
                open_store(self.place).delete(uri, generation)


def flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says how long a job may make no progress."""
    parser.add_argument(
        "--stall-timeout",
        "--stall_timeout",
        type=_seconds,
        default=PATIENCE,
        metavar="SECONDS",
        help="cancel the job if no worker makes progress for so long, 0: never; not used locally or on Dataflow",
    )


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number


def signs(options: PipelineOptions, results: str, run_id: str) -> Signs:
    """Return where this run's workers record heartbeats, and name the job; nowhere on runners that need none."""
    if flags.is_local(options) or dataflow.is_chosen(options):
        return Signs()
    cloud = options.view_as(GoogleCloudOptions)  # despite its class, the name exists for every runner
    cloud.job_name = cloud.job_name or f"screening-{run_id}"
    return Signs(f"{results}/alive", run_id)


@contextmanager
def running(options: PipelineOptions, signs: Signs, patience: float) -> Iterator[beam.Pipeline]:
    """Yield a pipeline that runs once the block has built it, like `with beam.Pipeline`; watch it if there are signs.

    Raises Stalled after `patience` seconds without a heartbeat (0: never), and ScreeningError if the engine gives up.
    """
    if not signs.place:
        with beam.Pipeline(options=options) as pipeline:
            yield pipeline
        return
    pipeline = beam.Pipeline(options=options)
    yield pipeline
    try:
        _watch(pipeline.run(), options, signs, patience)
    finally:
        signs.remove()


def _watch(result: Any, options: PipelineOptions, signs: Signs, patience: float) -> None:
    failure: list[Exception] = []

    def wait() -> None:
        try:
            result.wait_until_finish()
        except Exception as error:
            failure.append(error)

    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    seen, since, warned = signs.seen(), time.monotonic(), False
    while waiter.is_alive():
        waiter.join(min(signs.every, patience / 4) if patience else signs.every)
        found, quiet = signs.seen(), time.monotonic() - since
        if found != seen:
            seen, since = found, time.monotonic()
        elif patience and quiet > patience and waiter.is_alive():
            raise Stalled(_said(bool(seen), patience, cancel(result, options)))
        elif not seen and quiet > WARN and not warned:
            log.warning("no worker has started yet: %s", LOOK)
            warned = True
    if failure:
        raise ScreeningError(f"the engine gave up on the job: {failure[0]}\n  run the same command again") from failure[
            0
        ]


def cancel(result: Any, options: PipelineOptions) -> str:
    """Cancel the job, on Flink too if its address is known; return what happened, in words for people.

    Beam's job server (2.70) gives up on a job but leaves it on Flink, where it would hold its slots for ever.
    """
    name, master = options.view_as(GoogleCloudOptions).job_name, options.view_as(FlinkRunnerOptions).flink_master
    by_hand = f"cancel {name} on Flink's page; next time, give --flink_master=host:port and it is cancelled for you"
    try:
        result.cancel()
        if master.startswith("["):
            return f"the launcher gave up on the job; {by_hand}"
        _cancel_on_flink(master if "://" in master else f"http://{master}", name)
    except Exception as error:  # any error of the engine; the job is stalled all the same
        return f"it could not be cancelled ({error}); {by_hand}"
    return "the job was cancelled"


def _cancel_on_flink(master: str, name: str) -> None:
    """Cancel through Flink's REST API: nightlies.apache.org/flink/flink-docs-release-1.19/docs/ops/rest_api."""
    with urllib.request.urlopen(f"{master}/jobs/overview", timeout=30) as answer:
        jobs = json.load(answer)["jobs"]
    # Only jobs of the same run have this name. They share their heartbeats, so they are all stalled.
    for job in jobs:
        if job["name"] == name and job["end-time"] < 0:
            request = urllib.request.Request(f"{master}/jobs/{job['jid']}?mode=cancel", method="PATCH")
            urllib.request.urlopen(request, timeout=30).close()


def _said(began: bool, patience: float, became: str) -> str:
    if not began:
        return f"no worker started within {patience:g} s (--stall-timeout); {became}\n  {LOOK}"
    return (
        f"no worker made progress for {patience:g} s (--stall-timeout); {became}\n  look at the logs of the "
        "TaskManagers and their worker pools; if a large shuffle takes that long, raise --stall-timeout"
    )
