"""A pool of child processes that decode untrusted bytes; if one crashes, the others and the parent go on."""

from __future__ import annotations

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from screening.content import Document
from screening.decode.dispatch import DECODERS, DOCUMENTS, admit, decode_admitted, is_risky
from screening.decode.limits import Fields, Limits
from screening.decode.sandbox.walls import FULL
from screening.decode.sandbox.wire import OUT_OF_MEMORY, Broken, Ended, largest, receive, send, unpack
from screening.decode.sniff import Sniffed
from screening.errors import ConfigError, UploadError

INSTALL = "install the product again with all its dependencies: `pip check` names those that are missing or don't fit"
MEMORY = "raise `limits.memory_bytes` in the policy"
START_SECONDS = 120.0  # to import the parsers and decode the canaries: 1 s of processor time, but perhaps a cold disk
STOP_SECONDS = 5.0
# These make glibc keep a freed picture's memory for the next one, which halves the time for two megapixels.
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}

Sandbox = Literal["auto", "require"]
SANDBOXES: tuple[Sandbox, ...] = ("auto", "require")


class Decoder:
    """Decodes uploads for many threads: plain text and plain JSON in this process, all else in `processes` children.

    The first child starts at once, the others when they are needed. Each first decodes a canary of every media type
    and puts up the walls that the kernel allows; `sandbox="require"` asks for all of them. Close the decoder (or use
    it as a context manager) to end the children; they also end with this process. `decoders` replaces the children's
    table `DECODERS`: by media type, the `module:name` of any function.
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        fields: Fields = Fields(),
        processes: int = 1,
        *,
        sandbox: Sandbox = "auto",
        decoders: Mapping[str, str] = DECODERS,
    ) -> None:
        self._limits = limits
        self._fields = fields
        settings = {"limits": asdict(limits), "fields": asdict(fields), "decoders": dict(decoders)}
        self._children = [_Child(json.dumps(settings), limits, sandbox) for _ in range(processes)]
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()  # the last one used is warm
        for child in reversed(self._children):
            self._idle.put(child)
        with suppress(_Died):  # whoever uses the child will report it
            self._children[0].start()

    def check(self) -> str:
        """Return the walls around the children, for example `seccomp+landlock+limits`.

        Raises ConfigError if no child can work here.
        """
        child = self._idle.get()
        try:
            return child.ready()
        except _Died as death:
            raise ConfigError(f"a decoder does not start: {death}", fix=INSTALL) from None
        finally:
            self._idle.put(child)

    def decode(self, data: bytes, shown_as: str = "") -> Document:
        """Return the document that `data` holds; `shown_as` is as in `screening.decode.dispatch.admit`.

        Raises UploadError with one of `screening.decode.REASONS`, or ConfigError as `check` does.
        """
        sniffed = admit(data, self._limits, shown_as)
        if not is_risky(sniffed):
            return decode_admitted(sniffed, self._limits, self._fields)
        child = self._idle.get()
        try:
            try:
                return child.decode(sniffed)
            except _Died:  # perhaps because of what an earlier upload left behind
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
    """One child process, started again whenever it is needed and gone; used by one thread at a time."""

    def __init__(self, settings: str, limits: Limits, sandbox: Sandbox) -> None:
        self._settings = settings
        self._limits = limits
        self._sandbox = sandbox
        self._process: subprocess.Popen[bytes] | None = None
        self._standing = ""  # the walls of this process; "" until it has reported them
        self._closed = False

    def start(self) -> subprocess.Popen[bytes]:
        """Return the process, started if need be, without waiting for it. Raises _Died if it can't be started."""
        if self._closed:
            raise _Died("the decoder was closed")
        if self._process is None:
            self._standing = ""
            try:
                self._process = _start(self._settings)
            except OSError as error:
                raise _Died(f"no process: {error.strerror}") from None
        return self._process

    def ready(self) -> str:
        """Wait until the process has decoded its canaries, and return its walls. Raises ConfigError or _Died."""
        process = self.start()
        if not self._standing:
            with self._exchange(process, START_SECONDS, "starting"):
                said, _ = receive(_pipes(process)[1], 0)
                self._standing = self._admitted(said)
        return self._standing

    def decode(self, sniffed: Sniffed) -> Document:
        """Return what the process decodes.

        Raises UploadError with the reason that it gives, or `too_much_work` or `decode_timeout`; _Died if it ended.
        """
        self.ready()
        process = self.start()
        requests, answers = _pipes(process)
        body = sniffed.text.encode() if sniffed.media_type in DOCUMENTS else sniffed.data
        with self._exchange(process, self._limits.seconds):
            request = secrets.token_hex(8)  # tells this answer from any left over or sent in advance
            send(requests, {"media_type": sniffed.media_type, "plain": sniffed.plain, "request": request}, body)
            header, answer = receive(answers, largest(self._limits))
            if header.get("request") != request:
                raise Broken("an answer to another request")
            if fault := header.get("fault"):
                raise _Died(str(fault)[:200])
            result = unpack(header, answer)
        if isinstance(result, UploadError):
            raise result
        return result

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self._end()

    def _admitted(self, said: Mapping[str, Any]) -> str:
        standing, broken = str(said["sandbox"]), said["broken"]
        if broken:
            self._end()
            types = {what: [each for each in broken if broken[each] == what] for what in broken.values()}
            faults = "; ".join(f"{', '.join(names)}: {what}" for what, names in types.items())
            short = "MemoryError" in faults
            raise ConfigError(f"this installation can't decode {faults}", fix=MEMORY if short else INSTALL)
        if self._sandbox == "require" and standing != FULL:
            self._end()
            raise ConfigError(
                f"--sandbox=require asks for {FULL}, but decoders here have only {standing}",
                fix="use a Linux kernel (5.13 or newer) that allows Landlock and seccomp, and install libseccomp; "
                "or use --sandbox=auto, which takes what is available",
            )
        return standing

    @contextmanager
    def _exchange(self, process: subprocess.Popen[bytes], seconds: float, doing: str = "") -> Iterator[None]:
        """Talk to the process, which is killed after `seconds`; if it does not answer, raise why it ended."""
        late = threading.Event()
        try:
            with _deadline(process, seconds, late):
                yield
        except (Broken, OSError, ValueError) as error:  # ValueError: the pipe was closed by `close`
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS if isinstance(error, Ended | OSError) else 0)  # let it end by itself
            status = process.returncode
            self._end()
            if late.is_set() and not doing:
                raise UploadError("decode_timeout", f"{seconds:g} s") from None
            if status == -signal.SIGPROF:
                raise UploadError("too_much_work", f"{self._limits.cpu_seconds:g} s of processor time") from None
            end = f"no answer in {seconds:g} s" if late.is_set() else _ending(status)
            raise _Died(f"{end}, while {doing}" if doing else end) from None
        except BaseException:  # a late answer must not be read as the answer to the next request
            self._end()
            raise

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(STOP_SECONDS)
        for pipe in _pipes(process):
            with suppress(OSError):  # data that was not sent yet has nowhere to go
                pipe.close()


def _ending(status: int | None) -> str:
    """Return why a child ended, quoting nothing that it read; `status` is None if it had not ended by itself."""
    if status is None:
        return "what it said was no message"
    if status == OUT_OF_MEMORY:
        return "out of memory"
    if status == -signal.SIGSYS:
        return "a system call that the sandbox does not allow (SIGSYS)"
    if status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"


@contextmanager
def _deadline(process: subprocess.Popen[bytes], seconds: float, late: threading.Event) -> Iterator[None]:
    """Kill the process unless the block is done in time; that ends any read or write of its pipes."""

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
    """Start a child with an environment of its own: no credentials, one thread per library, few allocator arenas."""
    home = str(Path(__file__).parents[3])  # the folder that holds `screening`
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": "UTC0",  # needs no file, and gives the same dates everywhere
        "PYTHONPATH": os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", "")))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        **KEEP,
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "screening.decode.sandbox.child", settings],
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
