"""What the tests of all packages share: the Google Cloud Storage server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.gcs.client import GcsServer

os.environ["HF_HUB_OFFLINE"] = "1"  # read when its library is imported: no test asks a hub of models
EMULATOR_BEFORE = os.environ.get("STORAGE_EMULATOR_HOST")  # another server, which the storage contract may be run on


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    """The server, where every client and every child process of this session finds it."""
    with GcsServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield server
