"""Faults on demand: which call gets one, and what it then sees."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from dataclasses import dataclass

from tests.gcs.call import Call

KINDS = ("status", "reset", "truncated", "short", "lost", "slow", "held", "omit")


@dataclass
class Fault:
    """One rule. The first rule that fits a call applies, but every `slow` and `held` one delays it.

    status     the call changes nothing and is answered with `status`
    reset      a read's connection is reset in mid-body; any other call's before anything changes
    truncated  the connection ends after half of the body that the headers promised
    short      half of the body, with headers that fit it: only the checksum tells
    lost       the call takes effect and the connection is reset before the reply
    slow       the call waits `latency_ms` first
    held       the call waits until it is let go: `GcsServer.meanwhile`
    omit       the JSON reply says nothing of `field`, or `instead` of its value, as a foreign server's may

    `method` and `path` (regular expressions; the path with its query, as sent) choose the calls, `after` lets so
    many of them pass, `times` is how many get the fault (None: all), each with `probability`, drawn from `seed`.
    """

    kind: str
    status: int = 503
    latency_ms: float = 0.0
    method: str = ".*"
    path: str = ""
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    field: str = ""
    instead: str | None = None
    hits: int = 0
    seen: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}: one of {', '.join(KINDS)}")
        self._random = random.Random(self.seed)

    def strikes(self, call: Call, target: str) -> bool:
        """Whether this call gets it; counts."""
        if not re.fullmatch(self.method, call.method) or not re.search(self.path, target):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.hits >= self.times):
            return False
        if self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def spoil(self, body: bytes) -> bytes:
        """A JSON reply without its `field`, at whatever depth."""

        def changed(pairs: list[tuple[str, object]]) -> dict[str, object]:
            found = dict(pairs)
            if self.field in found:
                found |= {self.field: self.instead}
                if self.instead is None:
                    del found[self.field]
            return found

        return json.dumps(json.loads(body, object_pairs_hook=changed)).encode()
