"""A decoder of pages that does what a page tells it to: what code that a hostile upload brought in might try.

Only a test can put it into a child, by `Decoder(decoders=...)`. The canaries, which tell it nothing, it decodes well.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import re
import resource
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np

from screening.content import Document, Part, Text
from screening.decode.limits import Fields, Limits
from screening.decode.sandbox.wire import PREFIX
from screening.decode.sniff import Sniffed

ORDER = re.compile(r"<!--order (.*?)-->")
TABLE = {"text/html": "tests.screening.decode.hostile:html"}


def page(act: str, *arguments: object) -> bytes:
    """An upload that has the decoder do one of `ACTS`."""
    return f"<!DOCTYPE html><!--order {json.dumps([act, *arguments])}--><p>Nothing happened to stop this.".encode()


def html(sniffed: Sniffed, limits: Limits, fields: Fields) -> Document:  # noqa: ARG001
    """The whole of a page, after doing what it says."""
    if order := ORDER.search(sniffed.text):
        act, *arguments = json.loads(order[1])
        ACTS[act](*arguments)
    return Document("text/html", (Part("main", "main", Text(sniffed.text)),))


def _send(family: int, kind: int, to: object) -> None:
    with socket.socket(family, kind) as one:
        one.connect(tuple(to) if isinstance(to, list) else to)
        one.send(b"out")


def _write(path: str) -> None:
    Path(path).write_text("out")


def _fork(path: str) -> None:
    if os.fork() == 0:
        _write(path)
        os._exit(0)


def _answer(text: str) -> None:
    """An answer of its own before the decoder's, on whatever is open."""
    article = {"media_type": "text/html", "title": "", "byline": "", "date": "", "language": "", "text": ""}
    header = json.dumps({"article": article, "request": "0" * 16}).encode()
    for fd in range(3, 10):
        with suppress(OSError):
            os.write(fd, PREFIX.pack(len(header), len(text)) + header + text.encode())


def _burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def _ptrace(pid: int) -> None:
    if ctypes.CDLL(None).ptrace(16, pid, 0, 0):  # PTRACE_ATTACH
        raise PermissionError


def _garble(descriptor: int) -> None:
    with suppress(OSError):
        os.write(descriptor, b"not the protocol" * 99)


def _hoard() -> None:
    hoard = []
    while True:
        hoard.append(np.ones(16 << 20, np.uint8))


ACTS: Mapping[str, Callable[..., object]] = {
    "answer": _answer,
    "tcp": lambda port: _send(socket.AF_INET, socket.SOCK_STREAM, ["127.0.0.1", port]),
    "udp": lambda port: _send(socket.AF_INET, socket.SOCK_DGRAM, ["127.0.0.1", port]),
    "unix": lambda path: _send(socket.AF_UNIX, socket.SOCK_STREAM, path),
    "abstract": lambda name: _send(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "read": lambda path: Path(path).read_text(),
    "write": _write,
    "stat": os.stat,
    "list": os.listdir,
    "delete": os.unlink,
    "fork": _fork,
    "exec": lambda path: os.execv("/bin/sh", ["sh", "-c", f"echo out > {path}"]),
    "kill": lambda pid: os.kill(pid, signal.SIGTERM),
    "ptrace": _ptrace,
    "unlimit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1)),
    "catch": lambda: signal.signal(signal.SIGPROF, signal.SIG_IGN),
    "code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "import": lambda: __import__("wave"),
    "import_nothing": lambda: __import__("no_such_module"),
    "date": lambda: datetime.strptime("2026-03-01", "%Y-%m-%d"),
    "escape": lambda: b"\\N{BULLET} \\u00e9".decode("unicode_escape"),
    "domain": lambda: "b\u00fccher.example".encode("idna"),
    "burn": _burn,
    "sleep": time.sleep,
    "hoard": _hoard,
    "abort": os.abort,
    "crash": lambda: ctypes.string_at(0),
    "leave": lambda: os._exit(3),
    "garble": lambda: [_garble(descriptor) for descriptor in range(3, 9)],
}
