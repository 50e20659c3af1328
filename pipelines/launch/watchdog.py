"""An end to waiting for workers that never come, or that hang.

Flink's job server says of a running job only that it runs, and a worker that can't start is waited for without end. So
workers leave signs of life beside the results, and the launcher cancels a job whose signs stay away. Local runs work
in the launcher, and Dataflow watches its workers itself: neither needs signs.
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

PATIENCE = 1800.0  # seconds without a sign; a shuffle, during which there are none, takes minutes on a large input
WARN = 60.0  # seconds without the first sign
# A bucket takes one write a second to an object: so processes share this many, at random.
_MINE = f"{random.randrange(256):03d}"
_due: dict[Signs, float] = {}

LOOK = (
    "look whether the cluster has free slots, whether a worker pool listens at --environment_config beside every "
    "TaskManager, and whether the first `python` on that pool's PATH has this package as the launcher has it"
)


class Stalled(ScreeningError):
    """No worker got on for too long, so the launcher gave the job up."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of life that the workers of one run leave in a `place`; "" where nobody looks."""

    place: str = ""
    run_id: str = ""
    every: float = 5.0  # seconds, between two signs of a process

    def leave(self) -> None:
        """Say that work gets on; call it as often as you like, and only where it does."""
        now = time.monotonic()
        if not self.place or now < _due.get(self, 0.0):
            return
        _due[self] = now + self.every
        try:
            open_store(self.place).put(f"{self.place}/{self.run_id}.{_MINE}", str(time.time()).encode())
        except ScreeningError as error:  # no reason to lose work: another sign is due soon
            log.warning("no_sign_left", extra={"error": str(error)})

    def seen(self) -> dict[str, int]:
        """The signs that are there, each with the generation of its newest."""
        try:
            found = open_store(self.place).list(self.place)
            return {sign.uri: sign.generation for sign in found if sign.name.rpartition(".")[0] == self.run_id}
        except ConfigError:  # no such folder yet
            return {}

    def remove(self) -> None:
        """Remove them all."""
        with suppress(ScreeningError):
            for uri, generation in self.seen().items():
                open_store(self.place).delete(uri, generation)


def flag(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that says how long a job may stand still."""
    parser.add_argument(
        "--stall-timeout",
        "--stall_timeout",
        type=_seconds,
        default=PATIENCE,
        metavar="SECONDS",
        help="cancel the job when no worker got on for so long, 0: never; local runs and Dataflow need none",
    )


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number


def signs(options: PipelineOptions, results: str, run_id: str) -> Signs:
    """Where the workers of this run leave their signs: nowhere on runners that need none. Others get the job a name."""
    if flags.is_local(options) or dataflow.is_chosen(options):
        return Signs()
    cloud = options.view_as(GoogleCloudOptions)  # the name is there for every runner
    cloud.job_name = cloud.job_name or f"screening-{run_id}"
    return Signs(f"{results}/alive", run_id)


@contextmanager
def running(options: PipelineOptions, signs: Signs, patience: float) -> Iterator[beam.Pipeline]:
    """A pipeline that runs when the block has built it; as `with beam.Pipeline`, and watched where there are signs.

    Raises Stalled after `patience` seconds without a sign (0: never), ScreeningError when the engine gave the job up.
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
            log.warning("no worker has begun yet: %s", LOOK)
            warned = True
    if failure:
        raise ScreeningError(f"the engine gave the job up: {failure[0]}\n  run the same command again") from failure[0]


def cancel(result: Any, options: PipelineOptions) -> str:
    """Cancel the job, at the engine too where its address is known; what became of it, for a person.

    Beam's job server (2.70) gives a job up and leaves it on Flink, where it would hold its slots for ever.
    """
    name, master = options.view_as(GoogleCloudOptions).job_name, options.view_as(FlinkRunnerOptions).flink_master
    by_hand = f"cancel {name} on Flink's page, or name that with --flink_master=host:port and it is done for you"
    try:
        result.cancel()
        if master.startswith("["):
            return f"the job was given up; {by_hand}"
        _cancel_on_flink(master if "://" in master else f"http://{master}", name)
    except Exception as error:  # the engine's, of any kind; the job stands still all the same
        return f"it could not be cancelled ({error}); {by_hand}"
    return "the job was cancelled"


def _cancel_on_flink(master: str, name: str) -> None:
    """Flink's REST API: nightlies.apache.org/flink/flink-docs-release-1.19/docs/ops/rest_api."""
    with urllib.request.urlopen(f"{master}/jobs/overview", timeout=30) as answer:
        jobs = json.load(answer)["jobs"]
    # Of the same name are jobs of the same run only, which share their signs: they all stand still.
    for job in jobs:
        if job["name"] == name and job["end-time"] < 0:
            request = urllib.request.Request(f"{master}/jobs/{job['jid']}?mode=cancel", method="PATCH")
            urllib.request.urlopen(request, timeout=30).close()


def _said(began: bool, patience: float, became: str) -> str:
    if not began:
        return f"no worker began within {patience:g} s (--stall-timeout); {became}\n  {LOOK}"
    return (
        f"no worker got on for {patience:g} s (--stall-timeout); {became}\n  look at the logs of the TaskManagers and "
        "their worker pools; where a large shuffle takes that long, give it longer"
    )
