"""The signals that can feed a category: labels of bundles, checks, and matches with block banks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from screening.checks.document import DOCUMENT_CHECKS
from screening.checks.hashes import KNOWN_HOST
from screening.policy.decide import KNOWN_HASH
from screening.policy.thresholds import CalibrationLike
from screening.records import MEDIA, ROLES, BundleId, Medium, Role


class BundleLike(Protocol):
    """What a policy needs to know about a bundle."""

    @property
    def id(self) -> BundleId: ...
    @property
    def modality(self) -> Medium: ...
    @property
    def languages(self) -> Sequence[str]: ...
    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def calibration(self) -> Mapping[str, CalibrationLike]: ...


class CheckLike(Protocol):
    """What a policy needs to know about a check."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def medium(self) -> Medium: ...
    @property
    def unit(self) -> str: ...
    @property
    def range(self) -> tuple[float, float]: ...
    @property
    def worse(self) -> Literal["high", "low"]: ...


@dataclass(frozen=True, slots=True)
class SignalFeed:
    """A signal that a category may name; its scores are in `unit` and lie in `range`, both ends included.

    One of a bundle reads texts in `languages`. It is about `parts` of these roles. A `required` one is there for each
    of them; others only if something was found.
    """

    label: str
    source: str
    media: tuple[Medium, ...]
    worse: Literal["high", "low"] = "high"
    unit: str = "share"
    calibration: CalibrationLike | None = None
    from_bundle: bool = False
    languages: tuple[str, ...] = ()
    range: tuple[float, float] = (0, 1)
    parts: tuple[Role, ...] = ROLES
    required: bool = True


def feeds(bundles: Iterable[BundleLike], checks: Iterable[CheckLike]) -> dict[str, list[SignalFeed]]:
    """Return the feeds by each of their names: the label alone, `BUNDLE/label` or `check/NAME`, and those of banks."""
    found: dict[str, list[SignalFeed]] = {
        label: [SignalFeed(label, "bank", MEDIA, required=False)] for label in (KNOWN_HASH, KNOWN_HOST)
    }
    for odd in DOCUMENT_CHECKS:
        feed = SignalFeed(odd.name, f"document/{odd.name}", MEDIA, unit=odd.unit, range=odd.range, required=False)
        found |= {odd.name: [feed], f"document/{odd.name}": [feed]}
    for bundle in bundles:
        for label in bundle.labels:
            source = f"bundle/{bundle.id.name}@{bundle.id.version}"
            feed = SignalFeed(
                label,
                source,
                (bundle.modality,),
                calibration=bundle.calibration.get(label),
                from_bundle=True,
                languages=tuple(bundle.languages),
            )
            for name in (label, f"{bundle.id.name}/{label}"):
                found.setdefault(name, []).append(feed)
    for check in checks:
        source = f"check/{check.name}@{check.version}"
        feed = SignalFeed(
            check.name, source, (check.medium,), check.worse, check.unit, range=check.range, parts=("main",)
        )
        for name in (check.name, f"check/{check.name}"):
            found.setdefault(name, []).append(feed)
    return found
