"""The child process that decodes untrusted bytes: `python -m screening.decode.sandbox.child SETTINGS`.

SETTINGS is a JSON object. The child first decodes a canary of each media type, seals itself and reports how that went.
Then it answers messages on its standard input until that ends, which is also how it learns that its parent is gone.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import warnings
from typing import IO, Any

from screening.content import Document
from screening.content.kinds import named
from screening.decode.dispatch import DOCUMENTS, DecoderFunction, decode_admitted
from screening.decode.limits import Fields, Limits
from screening.decode.sandbox import walls
from screening.decode.sandbox.canaries import failures
from screening.decode.sandbox.imports import LateImport
from screening.decode.sandbox.wire import OUT_OF_MEMORY, Broken, pack, receive, send
from screening.decode.sniff import Sniffed
from screening.errors import UploadError

GRACE = 2  # seconds after its deadline, when a child that nobody stopped stops itself


def main() -> None:
    """Answer requests until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not enter the stream of answers
    logging.disable()  # logs and warnings of libraries quote what they read
    warnings.simplefilter("ignore")
    time.tzset()  # reads the time zone's file now, and never again
    for alarm in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(alarm, signal.SIG_DFL)  # they must kill, whatever the parent made of them
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    settings = json.loads(sys.argv[1])
    limits = Limits(**settings["limits"])
    fields = Fields(**{name: tuple(keys) for name, keys in settings["fields"].items()})
    try:
        standing = walls.limit(limits.memory_bytes)
        decoders = _decoders(settings["decoders"])
        broken = failures(decoders)
        standing = [*walls.seal(), *standing]
        send(answers, {"sandbox": "+".join(standing), "broken": broken})
        while not broken:
            _serve(requests, answers, limits, fields, decoders)
    except (Broken, BrokenPipeError):
        pass
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # nothing can be trusted to run after this
    os._exit(0)  # Python's own shutdown is not needed, and its system calls are no longer allowed


def _decoders(names: dict[str, str]) -> dict[str, Any]:
    """Return the decoder of each media type, or the exception that its import raised."""
    found: dict[str, Any] = {}
    for media_type, name in names.items():
        try:
            found[media_type] = named(name)
        except Exception as error:  # a half-installed library may raise anything
            found[media_type] = error
    return found


def _serve(
    requests: IO[bytes], answers: IO[bytes], limits: Limits, fields: Fields, decoders: dict[str, DecoderFunction]
) -> None:
    header, body = receive(requests, 4 * limits.max_bytes)
    media_type = header["media_type"]
    # Both timers kill this process. The first ends a stalled child whose parent is gone.
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + GRACE)
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)  # counts all threads' processor time from now on
    sniffed = Sniffed(media_type, body)
    if media_type in DOCUMENTS:
        sniffed = Sniffed(media_type, b"", body.decode(), header["plain"])
    result: Document | UploadError
    try:
        result = decode_admitted(sniffed, limits, fields, decoders[media_type])
    except UploadError as error:
        result = error
    except (LateImport, ImportError, PermissionError) as error:  # the installation is to blame, not the upload
        fault = f"{type(error).__name__} {getattr(error, 'name', None) or ''}".strip()
        send(answers, {"fault": fault, "request": header["request"]})
        return
    for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    said, pieces = pack(result)
    send(answers, {**said, "request": header["request"]}, *pieces)


if __name__ == "__main__":
    main()
