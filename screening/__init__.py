"""Decides on uploads: decode, match, check, classify, apply the policy. Plain functions over plain records.

As a library it has one front door, `screening.open`; see `screening.api`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from screening.api import Session, open
    from screening.errors import ScreeningError
    from screening.records import Verdict

__all__ = ["ScreeningError", "Session", "Verdict", "open"]

_HOMES = {"ScreeningError": "errors", "Session": "api", "Verdict": "records", "open": "api"}


def __getattr__(name: str) -> object:
    # On demand: what decides loads slowly, and every module of the product imports this one first.
    if name in _HOMES:
        return getattr(import_module(f"screening.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
