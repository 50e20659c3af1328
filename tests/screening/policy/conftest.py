"""Stand-ins for bundles and checks, and a writer of small policy files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from screening.checks.check import RANGES
from screening.errors import ConfigError
from screening.policy import Policy, PolicyError, load_policy
from screening.records import BundleId, Evidence, ScreenedPart, Signal


@dataclass(frozen=True)
class Harmless:
    """The highest scores of harmless texts of a genre."""

    rows: int
    highest: tuple[float, ...]


@dataclass(frozen=True)
class Table:
    """A calibration table."""

    positives: int
    thresholds: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    rows: int = 1000
    harmless: Mapping[str, Harmless] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeBundle:
    """What a policy sees of a bundle."""

    id: BundleId
    labels: tuple[str, ...]
    modality: str = "text"
    languages: tuple[str, ...] = ("en", "de")
    calibration: Mapping[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeCheck:
    """What a policy sees of a check."""

    name: str
    version: int
    medium: str
    unit: str
    worse: str

    @property
    def range(self) -> tuple[float, float]:
        return RANGES[self.unit]


HATE = Table(200, (0.1, 0.3, 0.5, 0.7, 0.9), (0.30, 0.60, 0.80, 0.90, 0.95), (1.0, 0.95, 0.85, 0.60, 0.30))
TEXT = FakeBundle(
    BundleId("text-screen", "1.0.0", "d" * 64),
    ("normal", "hate", "spam", "unreliable_style"),
    calibration={"hate": HATE, "unreliable_style": HATE},
)
CHECKS = (
    FakeCheck("too_short", 1, "text", "words", "low"),
    FakeCheck("symbol_noise", 2, "text", "share", "high"),
    FakeCheck("low_resolution", 1, "image", "pixels", "low"),
)
SOURCES = dict.fromkeys(TEXT.labels, "bundle/text-screen@1.0.0/head") | {
    check.name: f"check/{check.name}@{check.version}" for check in CHECKS
}
SOURCES |= {"known_hash": "bank/block", "known_good": "bank/allow"}

HEADER = """\
policy: test
version: 1
banks:
  - {id: block, file: block.jsonl, use: block}
  - {id: allow, file: allow.jsonl, use: allow}
categories:
  - {id: known_hash, signal: known_hash, reject: 0.87, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}
"""
CATEGORIES = (
    HEADER
    + """\
  - id: hate
    signal: hate
    review: {precision: 0.80}
    reject: {precision: 0.95}
    statement: STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH
  - {id: misinformation, signal: unreliable_style, review: 0.9}
  - {id: too_short, signal: too_short, review: 20}
  - {id: symbol_noise, signal: symbol_noise, review: 0.3, reject: 0.9, statement: STATEMENT_CATEGORY_OTHER_VIOLATION_TC}
  - {id: low_resolution, signal: low_resolution, review: 160}
"""
)


TEXT_PARTS = (ScreenedPart("main", "text", "main"),)
IMAGE_PARTS = (ScreenedPart("picture", "image", "main"),)
PAGE_PARTS = (*TEXT_PARTS, ScreenedPart("footer", "text", "rest"), ScreenedPart("data 1", "image", "rest"))


def signal(label: str, score: float, source: str = "", part: str = "") -> Signal:
    return Signal(source or SOURCES[label], label, score, Evidence(part=part))


Load = Callable[..., Policy]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], str]:
    for name in ("block", "allow"):
        (tmp_path / f"{name}.jsonl").write_text("")

    def write(text: str | bytes) -> str:
        path = tmp_path / "p.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    return write


@pytest.fixture
def load(write) -> Load:
    def load(text: str | bytes, bundles=(TEXT,), checks=CHECKS) -> Policy:
        return load_policy(write(text), bundles, checks)

    return load


@pytest.fixture(scope="session")
def policy(tmp_path_factory) -> Policy:
    folder = tmp_path_factory.mktemp("policy")
    for name in ("block", "allow"):
        (folder / f"{name}.jsonl").write_text("")
    (folder / "p.yaml").write_text(CATEGORIES)
    return load_policy(str(folder / "p.yaml"), (TEXT,), CHECKS)


def faults(error: ConfigError) -> list[tuple[int, str, str]]:
    assert isinstance(error, PolicyError)
    assert all(problem.file.endswith("p.yaml") for problem in error.problems)
    assert all(f"p.yaml:{problem.line}: {problem.what}\n  {problem.fix}" in str(error) for problem in error.problems)
    return [(problem.line, problem.what, problem.fix) for problem in error.problems]


def only_fault(load, text: str | bytes, **given) -> tuple[int, str, str]:
    with pytest.raises(PolicyError) as caught:
        load(text, **given)
    [fault] = faults(caught.value)
    return fault
