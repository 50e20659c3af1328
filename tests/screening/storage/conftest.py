"""The places on which the storage contract is tested: a folder, our server, and another bucket if one is named."""

from __future__ import annotations

import hashlib
import json
import os
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from screening.records import Upload
from screening.storage import Store, join, open_store
from tests.conftest import EMULATOR_BEFORE
from tests.gcs.client import GcsServer

OTHER_BUCKET = os.environ.get("CONTENT_SCREENING_TEST_BUCKET", "")


@dataclass
class Site:
    """An empty place of uploads and one of cleared files, in one store."""

    kind: str
    store: Store
    uploads: str
    live: str

    def upload(self, name: str, data: bytes = b"as uploaded") -> Upload:
        """What `list` says of a new object."""
        uri = join(self.uploads, name)
        self.store.put(uri, data)
        if self.kind == "disk":
            time.sleep(0.02)  # the clock of a file system may tick only every 10 ms: what follows is another tick
        return self.store.stat(uri, name)

    def copy(self, upload: Upload, data: bytes = b"as uploaded", to: str = "cleared.txt", earlier: bytes = b"") -> bool:
        """`earlier` is what a generation before had, as the tables of results would say."""
        target = join(self.live, to)
        sha256, before = (hashlib.sha256(each).hexdigest() for each in (data, earlier))
        return self.store.copy(
            upload.uri, upload.generation, target, sha256=sha256, replaces=[before] if earlier else []
        )

    def withdraw(self, upload: Upload, data: bytes = b"as uploaded", at: str = "cleared.txt") -> bool:
        target = join(self.live, at)
        digest = hashlib.sha256(data).hexdigest()
        return self.store.withdraw(target, upload.uri, upload.generation, sha256=digest)

    def cleared(self, name: str = "cleared.txt") -> bytes:
        return self.store.get(join(self.live, name))

    def is_cleared(self, name: str = "cleared.txt") -> bool:
        return self.store.exists(join(self.live, name))


@pytest.fixture(scope="session")
def bucket(gcs_server: GcsServer) -> str:
    return gcs_server.create_bucket("storage-contract")


@pytest.fixture
def on_server(gcs_server: GcsServer, bucket: str) -> Iterator[Site]:
    root = f"gs://{bucket}/{uuid.uuid4().hex}"
    gcs_server.clear()
    yield Site("server", open_store(root), f"{root}/uploads", f"{root}/live")
    gcs_server.clear()


@pytest.fixture
def on_disk(tmp_path: Path) -> Site:
    (tmp_path / "uploads").mkdir()
    return Site("disk", open_store(str(tmp_path)), str(tmp_path / "uploads"), str(tmp_path / "live"))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    if EMULATOR_BEFORE is None:
        monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    else:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", EMULATOR_BEFORE)
    root = f"gs://{OTHER_BUCKET}/content-screening-test/{uuid.uuid4().hex}"
    store = open_store(root)
    yield Site("elsewhere", store, f"{root}/uploads", f"{root}/live")
    for left in store.list(root):
        store.delete(left.uri, left.generation)


@pytest.fixture(
    params=[
        "on_disk",
        "on_server",
        pytest.param(
            "elsewhere",
            marks=[
                pytest.mark.cloud,
                pytest.mark.skipif(not OTHER_BUCKET, reason="CONTENT_SCREENING_TEST_BUCKET names no bucket"),
            ],
        ),
    ]
)
def site(request: pytest.FixtureRequest) -> Site:
    made: Site = request.getfixturevalue(request.param)
    return made


def resource(server, uri):
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    with urllib.request.urlopen(f"{server.url}/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}") as reply:
        return json.load(reply)


def count(server, method, part):
    return sum(1 for called, path, _ in server.calls() if called == method and part in path)
