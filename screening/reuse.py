"""Reuse the scores that a committed run with the same decoder, engine and bundles has made."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence

from screening.classifiers import Bundle
from screening.content import Part
from screening.content.kinds import kind_of
from screening.records import Fingerprint, Medium, Signal
from screening.tables import ResultTables, StoredScores

log = logging.getLogger(__name__)


class Known:
    """The scores under `results`. Threads may share it.

    It only saves work: if the tables fail, that is logged once, and from then on no scores are known.
    """

    def __init__(self, results: str, made_by: Fingerprint, bundles: Sequence[Bundle]) -> None:
        self._lock = threading.Lock()
        self._wanted: list[tuple[Medium, list[tuple[str, str]]]] = []
        for bundle in bundles:
            own = f"bundle/{bundle.id.name}@{bundle.id.version}"
            labels = [(f"{own}/{head.name}", label) for head in bundle.manifest.heads for label in head.scored]
            self._wanted.append((bundle.modality, labels))
        self._scores: StoredScores | None = None
        try:
            self._scores = StoredScores(ResultTables(results), made_by)
        except Exception as error:  # whatever fails, uploads can be scored without stored scores
            _say(error)

    def signals(self, sha256: str, parts: Sequence[Part]) -> tuple[Signal, ...]:
        """Return all classifiers' signals on the parts of these bytes; () unless all are known and finite."""
        if (scores := self._scores) is None:
            return ()
        try:
            roles = {part.place: part.role for part in parts}
            there = scores.find(sha256)
            found = {(each.source, each.label, roles.get(each.evidence.part)): each for each in there}
            kinds = dict.fromkeys((kind_of(part.content), part.role) for part in parts)
            wanted = [
                (*key, role)
                for modality, labels in self._wanted
                for kind, role in kinds
                if kind == modality
                for key in labels
            ]
            whole = all(key in found and math.isfinite(found[key].score) for key in wanted)
            return tuple(found[key] for key in wanted) if whole else ()
        except Exception as error:  # as above
            with self._lock:
                failed, self._scores = self._scores, None
            if failed:
                _say(error)
            return ()


def _say(error: Exception) -> None:
    log.warning("reuse_failed", extra={"error": type(error).__name__, "detail": str(error)})
