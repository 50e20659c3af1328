"""Starts the server and tells it what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class GcsServer:
    """The server as a process that lives as long as the block; `url` is where it listens."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.gcs.server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()  # it prints when it listens
        if not self.url:
            raise RuntimeError(f"the server did not start: {self._process.wait()}")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def create_bucket(self, name: str, *, versioning: bool = False) -> str:
        """A new bucket; its name again."""
        self._call("POST", "/storage/v1/b?project=test", {"name": name, "versioning": {"enabled": versioning}})
        return name

    def faults(self, kind: str, **rule: object) -> None:
        """One more rule, as tests/gcs/faults.py names its fields."""
        self._call("POST", "/_faults", {"kind": kind, **rule})

    @contextmanager
    def meanwhile(self, act: Callable[[], object], **rule: object) -> Iterator[None]:
        """The block's first call that fits `rule` waits while `act` is done, as another process would do it then."""
        self.faults("held", times=1, **rule)

        def when_it_is_there() -> None:
            self._call("GET", "/_held")
            try:
                act()
            finally:
                self._call("DELETE", "/_held")

        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(when_it_is_there)
            yield
            done.result()

    def hits(self) -> int:
        """How many calls have had a fault (or a delay)."""
        return sum(rule["hits"] for rule in self._call("GET", "/_faults"))

    def rewrite_bytes(self, count: int = 1 << 30) -> None:
        """How much one call of rewriteTo copies, in bytes; a larger object takes more calls."""
        self._call("POST", "/_settings", {"rewrite_bytes": count})

    def allow(self, rules: Sequence[tuple[str, str]] | None) -> None:
        """What callers may do from now on: permissions, each on a `bucket/prefix`; None: everything."""
        self._call("POST", "/_access", rules)

    def clear(self) -> None:
        """No more faults, and no calls so far."""
        self._call("DELETE", "/_faults")
        self._call("DELETE", "/_calls")

    def calls(self) -> list[tuple[str, str, int | None]]:
        """Every call since `clear`: method, path as sent, and status (None where no whole reply was sent)."""
        return [tuple(each) for each in self._call("GET", "/_calls")]

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None and method != "POST" else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None
