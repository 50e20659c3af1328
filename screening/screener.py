"""Screen uploads in this process: read → decode → match → check → classify → decide.

The Beam job and `screening file` both run this code. Threads read and decode ahead while the classifiers work on
earlier batches; the uploads in flight are limited in number and bytes.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

from screening.checks import about, run_checks
from screening.checks.hashes import match
from screening.classifiers import Classifier, Result, make_engine
from screening.classifiers.parts import screened, undisguised, worst
from screening.content import Part
from screening.content.claims import shown_as
from screening.content.kinds import KINDS, kind_of
from screening.decode import Decoder, Sandbox, decoder_version, sniff
from screening.errors import ConfigError, TransientError, UploadError
from screening.hardware import cores_here
from screening.meter import Meter
from screening.policy import decide
from screening.records import Medium, NotLookedAt, ScreenedPart, Signal, Upload, Verdict
from screening.reuse import Known
from screening.settings import Settings
from screening.storage import open_store

log = logging.getLogger(__name__)

CELLS = 16  # of an engine's budget per upload of a batch, whose windows are sorted together: 64 uploads on a CPU
AHEAD_BYTES = 256 << 20
READERS = 32  # at 50 ms a read about 600 uploads/s, more than a CPU classifies
REMEMBER = 1 << 16  # windows whose scores a classifier remembers, about 20 MB
SCORING = 2  # batches in the classifiers at once, so that no core waits for the end of one

Read = Callable[[Upload, int], bytes]  # (upload, max_bytes) to its bytes; raises UploadError `too_large`


def make_decoder(settings: Settings, cores: int = 0, sandbox: Sandbox = "auto") -> Decoder:
    """Return a decoder as a screener of these settings uses it, with a child process for each of `cores` (0: all)."""
    policy = settings.policy
    return Decoder(policy.limits, policy.fields, processes=cores or cores_here(), sandbox=sandbox)


def stored(upload: Upload, max_bytes: int) -> bytes:
    """Return the bytes of an upload from the store of its URI. Raises what `Store.read` raises."""
    return open_store(upload.uri).read(upload.uri, upload.generation, max_bytes)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An upload that is ready for the classifiers: what it is, what the checks said, or why it can't be judged.

    `scorable` are the parts that a classifier will score; they are dropped as soon as they are not needed.
    """

    upload: Upload
    sha256: str = ""
    media_type: str = ""
    medium: Medium | None = None
    parts: tuple[ScreenedPart, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    scorable: tuple[Part, ...] = ()
    signals: tuple[Signal, ...] = ()
    failure: UploadError | None = None
    reused: bool = False
    seconds: float = 0.0


class Screener:
    """Turns uploads into verdicts; a process has one. Threads that share it hold `lock` while they use it.

    `reuse` is the URI of results: what committed runs there have scored is not scored again. `decoder` is one made by
    `make_decoder` for these settings; without it the screener starts its own. `meter` counts what it does, and
    `sandbox` names the walls around its decoders. Raises ConfigError if the decoders don't work, or if
    `sandbox="require"` asks for walls that they don't have.
    """

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        *,
        cores: int = 0,
        reuse: str = "",
        sandbox: Sandbox = "auto",
        decoder: Decoder | None = None,
    ) -> None:
        cores = cores or cores_here()
        self.meter = Meter()
        self.lock = threading.Lock()
        self._run_id = run_id
        self._settings = settings
        self._policy = settings.policy
        self._banks = settings.load_banks()
        engine = make_engine(settings.engine, settings.precision, cores)
        self._batch = max(1, engine.budget // CELLS)
        self._ahead = 3 * self._batch // 2  # uploads in flight
        _same("run", engine.id, settings.fingerprint.engine)
        _same("decode with", decoder_version(self._policy.fields), settings.fingerprint.decoder)
        # The decoder starts before the models are loaded, which takes as long.
        self._decoder = decoder or make_decoder(settings, cores, sandbox)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        # A document may hold many pictures, so few are in memory before they are matched and dropped.
        self._decoding = threading.BoundedSemaphore(cores + 1)
        self._scorers = ThreadPoolExecutor(SCORING, thread_name_prefix="score")
        # also called when nothing refers to the screener any more
        self.close = weakref.finalize(self, _close, (self._readers, self._scorers), self._decoder)
        bundles = settings.load_bundles()
        most = self._policy.limits.max_windows
        self._classifiers = [Classifier(bundle, engine, self.meter, REMEMBER, most) for bundle in bundles]
        self._languages = {code for bundle in bundles for code in bundle.languages}
        self._media = {classifier.bundle.modality for classifier in self._classifiers}
        self._known = Known(reuse, settings.fingerprint, bundles) if reuse else None
        self.sandbox = self._decoder.check()

    def screen(self, uploads: Iterable[Upload], read: Read = stored) -> Iterator[Verdict]:
        """Yield one verdict per upload, in the order of `uploads`; memory is bounded however many there are."""
        prepared = self._read_ahead(uploads, read)
        judged: deque[Future[list[Verdict]]] = deque()
        try:
            while batch := list(islice(prepared, self._batch)):
                if len(judged) == SCORING:
                    yield from judged.popleft().result()
                judged.append(self._scorers.submit(self._judge, batch))
            while judged:
                yield from judged.popleft().result()
        finally:
            prepared.close()
            _abandon(judged)

    def _read_ahead(self, uploads: Iterable[Upload], read: Read = stored) -> Generator[Prepared, None, None]:
        flying: deque[tuple[int, Future[Prepared]]] = deque()
        weight = 0
        try:
            for upload in uploads:
                size = min(upload.size, self._policy.limits.max_bytes)
                while flying and (len(flying) >= self._ahead or weight + size > AHEAD_BYTES):
                    landed, future = flying.popleft()
                    weight -= landed
                    yield future.result()
                flying.append((size, self._readers.submit(self._prepare, upload, read)))
                weight += size
            while flying:
                yield flying.popleft()[1].result()
        finally:
            _abandon(future for _, future in flying)

    def _prepare(self, upload: Upload, read: Read) -> Prepared:
        """Read, decode, match and check one upload; whatever goes wrong is its failure, never the run's."""
        start = time.perf_counter()
        prepared = Prepared(upload)
        failure: UploadError | None = None
        data = b""
        try:
            if upload.problem:
                raise UploadError(upload.problem)
            with self.meter.step("read"):
                data = read(upload, self._policy.limits.max_bytes)
            prepared = replace(prepared, sha256=hashlib.sha256(data).hexdigest())
            prepared = replace(prepared, signals=tuple(match(prepared.sha256, None, self._banks)))
            with self._decoding:
                with self.meter.step("decode"):
                    document = self._decoder.decode(data, shown_as(upload))
                prepared = replace(prepared, media_type=document.media_type)
                with self.meter.step("match"):
                    signals = match(prepared.sha256, document, self._banks)
                with self.meter.step("check"):
                    signals += [
                        *about(document, upload, self._languages),
                        *run_checks(document, self._policy.languages),
                    ]
                    parts = screened(document)
                prepared = replace(
                    prepared,
                    medium=parts[0].kind,
                    parts=parts,
                    not_looked_at=document.not_looked_at,
                    scorable=undisguised(part for part in document.parts if kind_of(part.content) in self._media),
                    signals=tuple(signals),
                )
        except UploadError as error:
            failure = error
        except TransientError as error:
            failure = UploadError("read_failed", str(error))
        except ConfigError as error:
            if data:  # the installation is at fault, not an upload
                raise
            # the store refuses our credentials by now
            failure = UploadError("unreadable", f"access is denied: {error.what}")
        except Exception as error:  # hostile input must not stop the run: the upload is held, with the reason
            place = traceback.extract_tb(error.__traceback__)[-1]  # not the message, which may hold content
            said = {"uri": upload.uri, "error": type(error).__name__, "at": f"{place.filename}:{place.lineno}"}
            log.error("internal_error", extra=said)
            failure = UploadError("internal_error", type(error).__name__)
        if data and failure:
            prepared = replace(prepared, media_type=prepared.media_type or sniff(data))
        if failure:
            prepared = replace(prepared, failure=failure, scorable=())
        elif known := self._scores_of(prepared):
            prepared = replace(prepared, signals=(*prepared.signals, *known), scorable=(), reused=True)
        return replace(prepared, seconds=time.perf_counter() - start)

    def _scores_of(self, prepared: Prepared) -> tuple[Signal, ...]:
        if self._known is None or not prepared.scorable:
            return ()
        with self.meter.step("reuse"):
            return self._known.signals(prepared.sha256, prepared.scorable)

    def _judge(self, batch: Sequence[Prepared]) -> list[Verdict]:
        start = time.perf_counter()
        scored = list(batch)
        for classifier in self._classifiers:
            kind = KINDS[classifier.bundle.modality].content
            own = [
                (i, part) for i, item in enumerate(batch) for part in item.scorable if isinstance(part.content, kind)
            ]
            results = zip(own, classifier.score([part.content for _, part in own]), strict=True)
            for i, found in groupby(results, key=lambda result: result[0][0]):
                scored[i] = _with_scores(scored[i], [(part, result) for (_, part), result in found])
        share = (time.perf_counter() - start) / len(scored)
        with self.meter.step("decide"):
            verdicts = [self._verdict(item, item.seconds + share) for item in scored]
        self.meter.add("reused", sum(item.reused for item in scored))
        for verdict in verdicts:
            for name in ("uploads", verdict.decision, *(f"reason.{reason}" for reason in verdict.reasons)):
                self.meter.add(name)
        return verdicts

    def _verdict(self, item: Prepared, seconds: float) -> Verdict:
        ruling = decide(self._policy, item.parts, item.signals, item.failure)
        upload = item.upload
        return Verdict(
            run_id=self._run_id,
            uri=upload.uri,
            name=upload.name,
            generation=upload.generation,
            size=upload.size,
            sha256=item.sha256,
            content_type=item.media_type,
            metadata=upload.metadata,
            decision=ruling.decision,
            reasons=ruling.reasons,
            detail=ruling.detail,
            signals=item.signals,
            thresholds=self._policy.thresholds,
            fingerprint=self._settings.fingerprint,
            screened_at=datetime.now(UTC),
            seconds=seconds,
            medium=item.medium,
            parts=item.parts,
            not_looked_at=item.not_looked_at,
        )


def _with_scores(item: Prepared, results: Sequence[tuple[Part, Result]]) -> Prepared:
    """Add what a classifier found in an upload's parts; a part that it failed on fails the upload."""
    failed = next((result for _, result in results if isinstance(result, UploadError)), None)
    found = worst((part, result) for part, result in results if not isinstance(result, UploadError))
    return replace(item, failure=item.failure or failed, signals=(*item.signals, *found))


def _same(act: str, here: str, launched: str) -> None:
    if here != launched:
        raise ConfigError(
            f"this worker would {act} {here}, but the job was launched for {launched}",
            fix="launch and run the job with the same versions, best from one image; name --engine and --precision",
        )


def _abandon(futures: Iterable[Future[Any]]) -> None:
    """Cancel what has not begun and wait for the rest, so that unwanted work does not run beside what comes next."""
    wait([future for future in futures if not future.cancel()])


def _close(pools: Iterable[ThreadPoolExecutor], decoder: Decoder) -> None:
    decoder.close()  # first, since this ends a decode that is under way
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)  # no wait: it may be one of their threads that calls this
