"""Carry out the acts of a release. Each is bound to the generation that was screened, and may safely be repeated."""

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
CHUNK = 2000  # acts that are done and recorded together; an act takes about 300 bytes
CHUNK_NAMES = 1 << 20  # characters of their names: a chunk is an element of the pipeline, so it must stay small


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
    """Read the acts from the committed tables in chunks, so that the launcher need not hold them all."""

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
    """Do the acts of a chunk in parallel, and append the results to `releases` in one commit."""

    def __init__(self, job: ReleaseJob) -> None:
        self._job = job

    def process(self, acts: list[Act]) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            rows = list(pool.map(lambda act: do(self._job, act), acts))
        ResultTables(self._job.results).append_releases(rows)


def do(job: ReleaseJob, act: Act) -> Release:
    """Do one act and return its row for `releases`.

    An object that was replaced since it was screened is left alone, and its row says so. Acts that `failed` stay
    pending, and the next release tries them again.
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
        store.copy(
            act.uri, act.generation, target, sha256=act.sha256, content_type=act.content_type, replaces=act.replaces
        )
        return replace(row, action="live" if act.decision == "accept" else "quarantine")
    except Replaced as error:
        return replace(row, action="replaced", target="", detail=error.detail)
    except UploadError as error:
        if error.reason != "not_found":
            return replace(row, detail=str(error))
        if away := _away(act.uri, act.name):
            return replace(row, detail=f"{away}; if the input was moved, add --moved OLD=NEW")
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
    except Replaced as error:  # it isn't ours to delete, yet it is live against a verdict: a person must look
        return replace(row, detail=error.detail)
    return replace(row, action="withdrawn", detail="" if there else "it was already gone")


def _away(uri: str, name: str) -> str:
    """Return a message if the whole place that held `name` is empty or gone, so a missing object proves nothing."""
    root = uri.removesuffix(f"/{name}")
    return f"{root} is empty or not there: is its disk mounted?" if root != uri and is_away(root) else ""


def _real(target: str, name: str) -> str:
    """Return a recorded target below the real path of live: earlier versions recorded paths that lead through links."""
    root = target.removesuffix(f"/{name}")
    return target if root == target or root.startswith("gs://") else f"{os.path.realpath(root)}/{name}"
