"""A pool of child processes that decode untrusted bytes, each of which can die alone."""

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

import screening
from screening.decode.dispatch import DECODERS, DOCUMENTS, admit, decode_admitted, is_risky
from screening.decode.limits import Fields, Limits
from screening.decode.sandbox.walls import FULL
from screening.decode.sandbox.wire import OUT_OF_MEMORY, Broken, Ended, largest, receive, send, unpack
from screening.decode.sniff import Sniffed
from screening.errors import ConfigError, UploadError
from screening.records import Content

INSTALL = "install the product anew with all that it declares: `pip check` names what is missing or does not fit"
MEMORY = "raise `limits.memory_bytes` of the policy"
START_SECONDS = 120.0  # for a child to import the parsers and decode the canaries: one of processor time, a cold disk
STOP_SECONDS = 5.0
# glibc: freed pictures stay mapped for the next one, which halves the time of a picture of two megapixels
KEEP = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}

Sandbox = Literal["auto", "require"]
SANDBOXES: tuple[Sandbox, ...] = ("auto", "require")


class Decoder:
    """Decodes uploads from many threads: plain text and plain JSON here, all else in `processes` children.

    A first child starts at once, the others when they are needed. Each first decodes a canary of every media type and
    puts up the walls that the kernel allows; with `sandbox="require"` all of them must stand. Close it (or use it as
    a context manager) to end them; they also end with this process. `decoders` stands in for the table in the
    children: by media type, a name as there, or the `module:name` of any function.
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
        with suppress(_Died):  # said by whoever uses it
            self._children[0].start()

    def check(self) -> str:
        """What holds the children, for example `seccomp+landlock+limits`; ConfigError where none can work here."""
        child = self._idle.get()
        try:
            return child.ready()
        except _Died as death:
            raise ConfigError(f"a decoder does not start: {death}", fix=INSTALL) from None
        finally:
            self._idle.put(child)

    def decode(self, data: bytes) -> Content:
        """The content of `data`; UploadError with one of the reasons in `screening.decode`, or as `check`."""
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

    def __init__(self, settings: str, limits: Limits, sandbox: Sandbox) -> None:
        self._settings = settings
        self._limits = limits
        self._sandbox = sandbox
        self._process: subprocess.Popen[bytes] | None = None
        self._standing = ""  # the walls of this process; "" until it told them
        self._closed = False

    def start(self) -> subprocess.Popen[bytes]:
        """The process, begun without waiting for it; _Died where there can be none."""
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
        """Wait until the process has decoded its canaries; the walls around it. ConfigError, _Died."""
        process = self.start()
        if not self._standing:
            with self._exchange(process, START_SECONDS, "starting"):
                said, _ = receive(_pipes(process)[1], 0)
                self._standing = self._admitted(said)
        return self._standing

    def decode(self, sniffed: Sniffed) -> Content:
        """Let the process decode; UploadError as it says, too_much_work or decode_timeout; _Died when it is no more."""
        self.ready()
        process = self.start()
        requests, answers = _pipes(process)
        body = sniffed.text.encode() if sniffed.media_type in DOCUMENTS else sniffed.data
        with self._exchange(process, self._limits.seconds):
            request = secrets.token_hex(8)  # so that no answer, left over or written ahead, is taken for another's
            send(requests, {"media_type": sniffed.media_type, "request": request}, body)
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
                f"--sandbox=require: only {standing} would hold a decoder here, not {FULL}",
                fix="use a Linux kernel with Landlock (5.13) that lets a process have it and seccomp, and install "
                "libseccomp; or use --sandbox=auto, which takes what is there",
            )
        return standing

    @contextmanager
    def _exchange(self, process: subprocess.Popen[bytes], seconds: float, doing: str = "") -> Iterator[None]:
        """Talk to the process, which dies after so many `seconds`; when it does not answer, say why it ended."""
        late = threading.Event()
        try:
            with _deadline(process, seconds, late):
                yield
        except (Broken, OSError, ValueError) as error:  # ValueError: the pipe was closed by `close`
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS if isinstance(error, Ended | OSError) else 0)  # its own end, before ours
            status = process.returncode
            self._end()
            if late.is_set() and not doing:
                raise UploadError("decode_timeout", f"{seconds:g} s") from None
            if status == -signal.SIGPROF:
                raise UploadError("too_much_work", f"{self._limits.cpu_seconds:g} s of processor time") from None
            end = f"no answer in {seconds:g} s" if late.is_set() else _ending(status)
            raise _Died(f"{end}, while {doing}" if doing else end) from None
        except BaseException:  # what it may yet say must not be read as an answer to the next
            self._end()
            raise

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(STOP_SECONDS)
        for pipe in _pipes(process):
            with suppress(OSError):  # what was not sent yet has nowhere to go
                pipe.close()


def _ending(status: int | None) -> str:
    """Why a child ended, in words that hold nothing of what it read; `status` is None where it had not ended itself."""
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
        "TZ": "UTC0",  # no file to look for, and the same dates everywhere
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
