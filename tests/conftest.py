"""What the tests of all packages share: how thorough they are, what is collected, the Google Cloud Storage server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression
from hypothesis import settings

from tests.gcs.client import GcsServer
from tests.pace import times

os.environ["HF_HUB_OFFLINE"] = "1"  # read when its library is imported: no test asks a hub of models
EMULATOR_BEFORE = os.environ.get("STORAGE_EMULATOR_HOST")  # another server, which the storage contract may be run on
TRAIN = re.compile(r"^pytestmark = .*\bpytest\.mark\.train\b", re.MULTILINE)

settings.register_profile("paced", max_examples=times(100, 20))
settings.load_profile("paced")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A module of training tests imports the training stack, so it is left alone where -m leaves its tests out."""
    if collection_path.suffix != ".py" or not TRAIN.search(collection_path.read_text()):
        return None
    chosen = Expression.compile(config.option.markexpr or "train")
    return None if chosen.evaluate(lambda name, **_: name == "train") else True


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    """The server, where every client and every child process of this session finds it."""
    with GcsServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield server
