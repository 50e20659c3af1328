"""How often a test that repeats itself does so: a few times in `make test`, all its times in `make test-all`."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("THOROUGH", "") not in ("", "0")


def times(thorough: int, quick: int) -> int:
    """`thorough` where THOROUGH=1 is set, else `quick`."""
    return thorough if THOROUGH else quick
