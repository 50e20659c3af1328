"""A pool of child processes that decode untrusted bytes, each of which can die alone."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO

import screening
from screening.decode.limits import Fields, Limits
from screening.decode.sniff import Sniffed
from screening.decode.table import DOCUMENTS, admit, decode_admitted, is_risky
from screening.decode.wire import Broken, largest, receive, send, unpack
from screening.errors import UploadError
from screening.records import Content

START_SECONDS = 60.0  # for a child to start and import a parser from a cold disk
STOP_SECONDS = 5.0
# glibc: freed pictures stay mapped for the next one, which halves the time of a picture of two megapixels
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}


class Decoder:
    """Decodes uploads from many threads: plain text and plain JSON here, all else in `processes` children.

    Children start when they are first needed. Close it (or use it as a context manager) to end them; they also
    end with this process.
    """

    def __init__(self, limits: Limits = Limits(), fields: Fields = Fields(), processes: int = 1) -> None:
        self._limits = limits
        self._fields = fields
        settings = json.dumps({"limits": asdict(limits), "fields": asdict(fields)})
        self._children = [_Child(settings, limits) for _ in range(processes)]
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()  # the last one used is warm
        for child in self._children:
            self._idle.put(child)

    def decode(self, data: bytes) -> Content:
        """The content of `data`; UploadError with one of the reasons in `screening.decode`."""
        sniffed = admit(data, self._limits)
        if not is_risky(sniffed):
            return decode_admitted(sniffed, self._limits, self._fields)
        child = self._idle.get()
        try:
            try:
                return child.decode(sniffed)
            except _Died:  # perhaps of what an earlier upload left behind
                return child.decode(sniffed)
        except _Died as death:
            raise UploadError("decoder_crashed", str(death)) from None
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """End the children; a decode that is under way in another thread fails."""
        for child in self._children:
            child.close()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Died(Exception):
    """The child ended, or broke the protocol, before it answered."""


class _Child:
    """One child process, started anew whenever it is needed and not there; used by one thread at a time."""

    def __init__(self, settings: str, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def decode(self, sniffed: Sniffed) -> Content:
        """Let the process decode; UploadError as it says, or decode_timeout; _Died when it is no more."""
        if self._closed:
            raise _Died("the decoder was closed")
        process = self._process = self._process or _start(self._settings)
        requests, answers = _pipes(process)
        body = sniffed.text.encode() if sniffed.media_type in DOCUMENTS else sniffed.data
        late = threading.Event()
        try:
            with _deadline(process, START_SECONDS, threading.Event()):
                send(requests, {"media_type": sniffed.media_type}, body)
                receive(answers, 0)
            with _deadline(process, self._limits.seconds, late):
                answer = receive(answers, largest(self._limits))
            return unpack(*answer)
        except (Broken, OSError, ValueError) as error:  # ValueError: the pipe was closed by `close`
            self._end()
            if late.is_set():
                raise UploadError("decode_timeout", f"{self._limits.seconds:g} s") from None
            raise _Died(f"exit status {process.returncode}, {type(error).__name__}") from None

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(STOP_SECONDS)
        for pipe in _pipes(process):
            with suppress(OSError):  # what was not sent yet has nowhere to go
                pipe.close()


@contextmanager
def _deadline(process: subprocess.Popen[bytes], seconds: float, late: threading.Event) -> Iterator[None]:
    """Kill the process, which ends any read or write of its pipes, unless the block is done in time."""

    def strike() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, strike)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _start(settings: str) -> subprocess.Popen[bytes]:
    """A child with an environment of its own: no credentials, one thread a library, few allocator arenas."""
    home = str(Path(screening.__file__).parent.parent)
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", "")))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        **KEEP,
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "screening.decode.child", settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries quote what they read
        cwd="/",
        env=environment,
        start_new_session=True,  # an interrupt at the terminal is for the parent, which closes its children
    )


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise _Died("no pipes")
    return process.stdin, process.stdout
