"""Use screening as a library: open it once, then ask for verdicts on files, folders, buckets or bytes.

    import screening

    with screening.open() as screener:
        verdict = screener.file("upload.jpg")
        print(verdict.decision, *verdict.reasons)

Verdicts are the same as those of `screening file` and of the jobs. Nothing is stored, and no upload is changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType

from screening.decode import Sandbox
from screening.errors import UploadError
from screening.records import Upload, Verdict
from screening.screener import Screener
from screening.settings import load_settings
from screening.storage import open_store, place

Place = str | os.PathLike[str]


def open(
    *,
    policy: Place = "",
    bundles: Place | Iterable[Place] = (),
    engine: str = "auto",
    precision: str = "auto",
    sandbox: Sandbox = "auto",
    cores: int = 0,
    run_id: str = "library",
) -> Session:
    """Load policy, banks and models, which takes seconds: do it once per process, and close the session at the end.

    `policy` is a file and `bundles` is one or more folders, each local or `gs://`; the defaults ship with the product.
    `engine`, `precision` and `sandbox` are as the flags of `screening file`. `cores` is how many cores the models and
    decoders use (0: all that this process may use). `run_id` is the run that the verdicts name. Raises ConfigError if
    any of these is wrong.
    """
    folders = [bundles] if isinstance(bundles, (str, os.PathLike)) else bundles
    settings = load_settings(
        _uri(policy) if os.fspath(policy) else "", [_uri(folder) for folder in folders], engine, precision
    )
    return Session(Screener(settings, run_id, cores=cores, sandbox=sandbox))


class Session:
    """Screens uploads until it is closed; `screening.open` returns one. Threads may share it.

    An upload that can't be read, decoded or scored gets the verdict `error` with the reason: do not release it.
    """

    def __init__(self, screener: Screener) -> None:
        self._screener = screener

    def file(self, path: Place) -> Verdict:
        """Return the verdict on one file or `gs://bucket/name`. Raises UploadError `not_found` if it does not exist."""
        uri = _uri(path)
        return self._one(self._screener.screen([open_store(uri).stat(uri)]))

    def files(self, *paths: Place) -> Iterator[Verdict]:
        """Yield the verdicts on many files, and on everything below folders and `gs://` prefixes.

        Files are scored in batches, which is many times faster than one by one, and memory stays bounded however many
        there are. Raises ConfigError for a path that does not exist.
        """
        return self._screener.screen(_listed([_uri(path) for path in paths]))

    def data(self, data: bytes, name: str) -> Verdict:
        """Return the verdict on bytes that are in no store yet; its `name` is `name`, and its `uri` is empty.

        If there are more bytes than the policy allows, the verdict is `error` with the reason `too_large`.
        """

        def read(upload: Upload, max_bytes: int) -> bytes:
            if upload.size > max_bytes:
                raise UploadError("too_large", f"{upload.size} bytes, the limit is {max_bytes}")
            return data

        return self._one(self._screener.screen([Upload(uri="", name=name, generation=0, size=len(data))], read))

    def close(self) -> None:
        """Stop the session's threads and the decoders' processes. A second call does nothing."""
        self._screener.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _one(verdicts: Iterator[Verdict]) -> Verdict:
        [verdict] = verdicts
        return verdict


def _uri(path: Place) -> str:
    return place(os.fspath(path))


def _listed(uris: Iterable[str]) -> Iterator[Upload]:
    """Yield the files themselves, and everything below folders and prefixes."""
    for uri in uris:
        store = open_store(uri)
        if store.exists(uri):
            yield store.stat(uri, uri.rsplit("/", 1)[-1])
        else:
            yield from store.list(uri)
