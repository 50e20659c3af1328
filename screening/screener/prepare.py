"""Prepare one upload for the classifiers: read, decode, match and check it."""

from __future__ import annotations

import hashlib
import logging
import time
import traceback
from collections.abc import Callable, Sequence, Set
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace

from screening.checks import about, run_checks
from screening.checks.hashes import Bank, match
from screening.classifiers.parts import screened, undisguised
from screening.content import Part
from screening.content.claims import shown_as
from screening.content.genre import genre_of
from screening.content.kinds import KINDS, kind_of
from screening.decode import Decoder, sniff
from screening.errors import ConfigError, TransientError, UploadError
from screening.meter import Meter
from screening.policy import Policy
from screening.records import Genre, Medium, NotLookedAt, ScreenedPart, Signal, Upload
from screening.reuse import Known
from screening.screener.room import Place
from screening.storage import open_store

log = logging.getLogger(__name__)

Read = Callable[[Upload, int], bytes]  # (upload, max_bytes) to its bytes; raises UploadError `too_large`


def stored(upload: Upload, max_bytes: int) -> bytes:
    """Return the bytes of an upload from the store of its URI. Raises what `Store.read` raises."""
    return open_store(upload.uri).read(upload.uri, upload.generation, max_bytes)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An upload that is ready for the classifiers: what it is, what the checks said, or why it can't be judged.

    `scorable` are the parts that a classifier will score; they are dropped as soon as they are not needed, and until
    then they take memory of the `place`.
    """

    upload: Upload
    place: Place
    sha256: str = ""
    media_type: str = ""
    medium: Medium | None = None
    parts: tuple[ScreenedPart, ...] = ()
    not_looked_at: tuple[NotLookedAt, ...] = ()
    scorable: tuple[Part, ...] = ()
    signals: tuple[Signal, ...] = ()
    genre: Genre | None = None
    failure: UploadError | None = None
    reused: bool = False
    seconds: float = 0.0

    @property
    def memory(self) -> int:
        """The bytes of memory that the scorable parts take."""
        return sum(KINDS[kind_of(part.content)].memory(part.content) for part in self.scorable)


@dataclass(frozen=True, slots=True)
class Preparer:
    """Prepares uploads by a policy; `languages` and `media` are those that a classifier reads."""

    policy: Policy
    banks: Sequence[Bank]
    decoder: Decoder
    known: Known | None
    languages: Set[str]
    media: Set[Medium]
    meter: Meter

    def __call__(self, upload: Upload, read: Read, place: Place) -> Prepared:
        """Read, decode, match and check an upload; whatever goes wrong is its failure, never the run's."""
        start = time.perf_counter()
        prepared = Prepared(upload, place)
        failure: UploadError | None = None
        data = b""
        try:
            if upload.problem:
                raise UploadError(upload.problem)
            with self.meter.step("read"):
                data = read(upload, self.policy.limits.max_bytes)
            prepared = replace(prepared, sha256=hashlib.sha256(data).hexdigest())
            prepared = replace(prepared, signals=tuple(match(prepared.sha256, None, self.banks)))
            with place:
                with self.meter.step("decode"):
                    document = self.decoder.decode(data, shown_as(upload))
                prepared = replace(prepared, media_type=document.media_type)
                with self.meter.step("match"):
                    signals = match(prepared.sha256, document, self.banks)
                with self.meter.step("check"):
                    signals += [
                        *about(document, upload, self.languages),
                        *run_checks(document, self.policy.languages),
                    ]
                    parts = screened(document)
                prepared = replace(
                    prepared,
                    medium=parts[0].kind,
                    parts=parts,
                    not_looked_at=document.not_looked_at,
                    scorable=undisguised(part for part in document.parts if kind_of(part.content) in self.media),
                    signals=tuple(signals),
                    genre=genre_of(document, parts, upload),
                )
                place.keep(prepared.memory)
        except CancelledError:
            raise  # nobody waits for it any more
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
            line = traceback.extract_tb(error.__traceback__)[-1]  # not the message, which may hold content
            said = {"uri": upload.uri, "error": type(error).__name__, "at": f"{line.filename}:{line.lineno}"}
            log.error("internal_error", extra=said)
            failure = UploadError("internal_error", type(error).__name__)
        if data and failure:
            prepared = replace(prepared, media_type=prepared.media_type or sniff(data))
        if failure:
            prepared = replace(prepared, failure=failure, scorable=())
        elif known := self._scores_of(prepared):
            prepared = replace(prepared, signals=(*prepared.signals, *known), scorable=(), reused=True)
        place.keep(prepared.memory)
        return replace(prepared, seconds=time.perf_counter() - start)

    def _scores_of(self, prepared: Prepared) -> tuple[Signal, ...]:
        if self.known is None or not prepared.scorable:
            return ()
        with self.meter.step("reuse"):
            return self.known.signals(prepared.sha256, prepared.scorable)
