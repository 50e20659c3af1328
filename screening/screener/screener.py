"""The screener: prepares uploads ahead of its classifiers, judges them in batches, and gives their verdicts."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from screening.classifiers import Classifier, Result, make_engine
from screening.classifiers.parts import worst
from screening.content import Part
from screening.content.kinds import KINDS
from screening.decode import Decoder, Sandbox, decoder_version
from screening.errors import ConfigError, UploadError
from screening.hardware import cores_here
from screening.meter import Meter
from screening.policy import Facts, decide
from screening.records import Upload, Verdict
from screening.reuse import Known
from screening.screener.ahead import abandon, batches, read_ahead
from screening.screener.prepare import Prepared, Preparer, Read, stored
from screening.screener.room import Room
from screening.settings import Settings

CELLS = 16  # of an engine's budget per upload of a batch, whose windows are sorted together: 64 uploads on a CPU
READERS = 32  # at 50 ms a read about 600 uploads/s, more than a CPU classifies
REMEMBER = 1 << 16  # windows whose scores a classifier remembers, about 20 MB
SCORING = 2  # batches in the classifiers at once, so that no core waits for the end of one


def make_decoder(settings: Settings, cores: int = 0, sandbox: Sandbox = "auto") -> Decoder:
    """Return a decoder as a screener of these settings uses it, with a child process for each of `cores` (0: all)."""
    policy = settings.policy
    return Decoder(policy.limits, policy.fields, processes=cores or cores_here(), sandbox=sandbox)


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
        engine = make_engine(settings.engine, settings.precision, cores)
        self._batch = max(1, engine.budget // CELLS)
        self._ahead = 3 * self._batch // 2  # uploads in flight
        _same("run", engine.id, settings.fingerprint.engine)
        _same("decode with", decoder_version(self._policy.fields), settings.fingerprint.decoder)
        # The decoder starts before the models are loaded, which takes as long.
        self._decoder = decoder or make_decoder(settings, cores, sandbox)
        self._rooms: weakref.WeakSet[Room] = weakref.WeakSet()
        self._decoders = cores + 1  # a document may hold many pictures, and most are dropped once they are matched
        self._scorers = ThreadPoolExecutor(SCORING, thread_name_prefix="score")
        # also called when nothing refers to the screener any more
        self.close = weakref.finalize(self, _close, self._scorers, self._decoder, self._rooms)
        bundles = settings.load_bundles()
        most = self._policy.limits.max_windows
        self._classifiers = [Classifier(bundle, engine, self.meter, REMEMBER, most) for bundle in bundles]
        self._prepare = Preparer(
            self._policy,
            settings.load_banks(),
            self._decoder,
            Known(reuse, settings.fingerprint, bundles) if reuse else None,
            {code for bundle in bundles for code in bundle.languages},
            {classifier.bundle.modality for classifier in self._classifiers},
            self.meter,
        )
        self.sandbox = self._decoder.check()

    def screen(self, uploads: Iterable[Upload], read: Read = stored) -> Iterator[Verdict]:
        """Yield one verdict per upload, in the order of `uploads`; memory is bounded however many there are."""
        prepared = self._read_ahead(uploads, read)
        judged: deque[Future[list[Verdict]]] = deque()
        try:
            for batch in batches(prepared, self._batch):
                if len(judged) == SCORING:
                    yield from judged.popleft().result()
                judged.append(self._scorers.submit(self._judge, batch))
            while judged:
                yield from judged.popleft().result()
        finally:
            prepared.close()
            abandon(judged)

    def _read_ahead(self, uploads: Iterable[Upload], read: Read) -> Generator[Prepared, None, None]:
        room = Room(self._decoders)
        self._rooms.add(room)
        return read_ahead(
            uploads,
            lambda upload, place: self._prepare(upload, read, place),
            room,
            readers=READERS,
            most=self._ahead,
            max_bytes=self._policy.limits.max_bytes,
        )

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
        for item in batch:
            item.place.keep(0)
        with self.meter.step("decide"):
            verdicts = [self._verdict(item, item.seconds + share) for item in scored]
        self.meter.add("reused", sum(item.reused for item in scored))
        for verdict in verdicts:
            for name in ("uploads", verdict.decision, *(f"reason.{reason}" for reason in verdict.reasons)):
                self.meter.add(name)
        return verdicts

    def _verdict(self, item: Prepared, seconds: float) -> Verdict:
        ruling = decide(self._policy, Facts(item.parts, item.genre), item.signals, item.failure)
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
            genre=item.genre,
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


def _close(scorers: ThreadPoolExecutor, decoder: Decoder, rooms: Iterable[Room]) -> None:
    decoder.close()  # first, since this ends a decode that is under way
    for room in rooms:  # whoever waits there would wait for ever, and the process for them
        room.close()
    scorers.shutdown(wait=False, cancel_futures=True)  # no wait: it may be one of their threads that calls this
