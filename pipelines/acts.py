"""Doing what the plan says: each act is bound to the screened generation and may safely be done again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipelines import beam
from pipelines.launch.watchdog import Signs
from pipelines.moved import Moved
from pipelines.plan import Act, pending
from screening.errors import Replaced, TargetError, TransientError, UploadError
from screening.records import Release
from screening.storage import is_away, join, open_store
from screening.tables import ResultTables

WORKERS = 32
CHUNK = 2000  # acts done and recorded together; an act is some 300 bytes
CHUNK_NAMES = 1 << 20  # characters of their names, some kB each at most: a chunk is an element, and those stay small


@dataclass(frozen=True, slots=True)
class ReleaseJob:
    """One run of `pipelines.release`, as its workers need it."""

    release_id: str
    results: str
    mode: str
    live: str
    quarantine: str
    signs: Signs = Signs()
    moves: Moved = ()


class PendingActs(beam.DoFn):
    """Reads the acts from the committed tables in chunks, so that the launcher need not hold them."""

    def __init__(self, job: ReleaseJob) -> None:
        self._job = job

    def process(self, results: str) -> Iterator[list[Act]]:
        chunk: list[Act] = []
        size = 0
        job = self._job
        for act in pending(ResultTables(results), job.mode, job.live, job.quarantine, job.moves):
            chunk.append(act)
            size += len(act.uri) + len(act.name)
            if len(chunk) == CHUNK or size >= CHUNK_NAMES:
                self._job.signs.leave()
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk


class DoActs(beam.DoFn):
    """Does a chunk of acts side by side and appends what was done to `releases` in one commit."""

    def __init__(self, job: ReleaseJob) -> None:
        self._job = job

    def process(self, acts: list[Act]) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            rows = list(pool.map(lambda act: do(self._job, act), acts))
        ResultTables(self._job.results).append_releases(rows)


def do(job: ReleaseJob, act: Act) -> Release:
    """Do one act; an object replaced since it was screened is left alone and reported.

    `failed` acts stay pending: the next release tries them again.
    """
    job.signs.leave()
    row = Release(
        release_id=job.release_id,
        run_id=act.run_id,
        uri=act.uri,
        generation=act.generation,
        sha256=act.sha256,
        decision=act.decision,
        action="failed",
        target="",
        detail="",
        released_at=datetime.now(UTC),
    )
    try:
        if job.mode == "withdraw":
            return _withdraw(act, row)
        store = open_store(act.uri)
        if job.mode == "label":
            store.label(
                act.uri,
                act.generation,
                {
                    "screening-decision": act.decision,
                    "screening-run": act.run_id,
                    "screening-fingerprint": act.fingerprint,
                },
            )
            return replace(row, action="label", target=act.uri)
        target = join(job.live if act.decision == "accept" else job.quarantine, act.name)
        row = replace(row, target=target)
        if act.owner not in ("", act.uri):
            raise TargetError(f"{target} is the place of {act.owner}, which has the same name")
        store.copy(act.uri, act.generation, target, sha256=act.sha256, replaces=act.replaces)
        return replace(row, action="live" if act.decision == "accept" else "quarantine")
    except Replaced as error:
        return replace(row, action="replaced", target="", detail=error.detail)
    except UploadError as error:
        if error.reason != "not_found":
            return replace(row, detail=str(error))
        if away := _away(act.uri, act.name):
            return replace(row, detail=f"{away}; if the input was moved, say --moved OLD=NEW")
        return replace(row, action="replaced", target="", detail=str(error))
    except (TargetError, TransientError) as error:
        return replace(row, detail=str(error))


def _withdraw(act: Act, row: Release) -> Release:
    target = _real(act.target, act.name)
    row = replace(row, target=act.target)
    if away := _away(target, act.name):
        return replace(row, detail=away)
    try:
        there = open_store(target).withdraw(target, act.uri, act.generation, sha256=act.sha256)
    except Replaced as error:  # not ours to delete, and yet it is live where a verdict says no: a person must look
        return replace(row, detail=error.detail)
    return replace(row, action="withdrawn", detail="" if there else "it was gone already")


def _away(uri: str, name: str) -> str:
    """What is to be said where all that `name` lies among is gone: of one object nothing follows from it."""
    root = uri.removesuffix(f"/{name}")
    return f"{root} is empty or not there: is its disk mounted?" if root != uri and is_away(root) else ""


def _real(target: str, name: str) -> str:
    """A target as it was recorded, below the real path of live: earlier versions recorded links on the way to it."""
    root = target.removesuffix(f"/{name}")
    return target if root == target or root.startswith("gs://") else f"{os.path.realpath(root)}/{name}"
