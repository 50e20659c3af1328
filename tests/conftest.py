"""What the tests of all packages share: how thorough they are, what is collected, the Google Cloud Storage server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression
from hypothesis import settings

from screening.decode import Decoder, Sandbox
from screening.screener import screener
from screening.settings import Settings
from tests.gcs.client import GcsServer
from tests.pace import times

os.environ["HF_HUB_OFFLINE"] = "1"  # read when its library is imported: no test asks a hub of models
EMULATOR_BEFORE = os.environ.get("STORAGE_EMULATOR_HOST")  # another server, which the storage contract may be run on
TRAIN = re.compile(r"^pytestmark = .*\bpytest\.mark\.train\b", re.MULTILINE)

settings.register_profile("paced", max_examples=times(100, 20), deadline=None)  # a busy machine fails no test
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


class _Kept(Decoder):
    """A decoder that its screener can't close."""

    def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def _kept() -> Iterator[dict[object, Decoder]]:
    kept: dict[object, Decoder] = {}
    yield kept
    for decoder in kept.values():
        Decoder.close(decoder)


@pytest.fixture
def kept_decoders(_kept: dict[object, Decoder], monkeypatch: pytest.MonkeyPatch) -> None:
    """Screeners and jobs of this process use the decoders of earlier ones: to start a child takes most of a second."""

    def make(settings: Settings, cores: int = 0, sandbox: Sandbox = "auto") -> Decoder:
        limits, fields = settings.policy.limits, settings.policy.fields
        key = limits, fields, cores, sandbox
        if key not in _kept:
            _kept[key] = _Kept(limits, fields, processes=cores or 1, sandbox=sandbox)
        return _kept[key]

    monkeypatch.setattr(screener, "make_decoder", make)  # a patch, since a job's flags have no place for a decoder
