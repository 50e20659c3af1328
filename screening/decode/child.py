"""The process that decodes untrusted bytes and can die alone: `python -m screening.decode.child`.

Its limits and field names come as one JSON argument. It answers messages on its standard input until that ends,
which is also how it learns that its parent is gone.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import warnings
from typing import IO

from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed
from screening.decode.table import DOCUMENTS, decode_admitted, prepare
from screening.decode.wire import Broken, pack, receive, send
from screening.errors import UploadError
from screening.records import Content

OUT_OF_MEMORY = 77  # exit status
OPEN_FILES = 64
GRACE = 2  # seconds after which a child that nobody stopped stops itself


def main() -> None:
    """Serve until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not enter the stream
    logging.disable()  # libraries log and warn of what they read
    warnings.simplefilter("ignore")
    settings = json.loads(sys.argv[1])
    limits = Limits(**settings["limits"])
    fields = Fields(**{name: tuple(keys) for name, keys in settings["fields"].items()})
    _restrict(limits)
    try:
        while True:
            _serve(requests, answers, limits, fields)
    except (Broken, BrokenPipeError):
        return
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # nothing can be trusted to run after this


def _serve(requests: IO[bytes], answers: IO[bytes], limits: Limits, fields: Fields) -> None:
    header, body = receive(requests, 4 * limits.max_bytes)
    media_type = header["media_type"]
    prepare(media_type)
    send(answers, {"ready": True})  # the clock of this upload starts after the imports
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + GRACE)  # ends a stalled child whose parent is gone
    sniffed = Sniffed(media_type, b"", body.decode()) if media_type in DOCUMENTS else Sniffed(media_type, body)
    result: Content | UploadError
    try:
        result = decode_admitted(sniffed, limits, fields)
    except UploadError as error:
        result = error
    signal.setitimer(signal.ITIMER_REAL, 0)
    send(answers, *pack(result))


def _restrict(limits: Limits) -> None:
    """Bound this process: address space, no files written, no core dump, few files open."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        if what == resource.RLIMIT_AS and sys.platform == "darwin":
            continue  # macOS knows this limit and refuses to set it
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
