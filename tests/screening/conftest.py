"""What the tests of the rooms share: a bundle small enough to build in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.screening.classifiers.tiny import image_bundle, text_bundle


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Makes `tmp_path/bundles/tiny-KIND/VERSION` ("text" or "image"), with changes to its bundle.json."""

    def make(kind: str = "text", version: str = "1.0.0", **changes: Any) -> Path:
        build = {"text": text_bundle, "image": image_bundle}[kind]
        return build(tmp_path / "bundles" / f"tiny-{kind}" / version, version=version, **changes)

    return make
