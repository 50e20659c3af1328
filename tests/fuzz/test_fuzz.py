"""Whatever is uploaded becomes content or an error with a reason, in bounded time, and always the same."""

from __future__ import annotations

import pytest

from screening.decode import Limits
from tests.fuzz.bombs import bombs
from tests.fuzz.mutants import Case, mutant
from tests.fuzz.seeds import seeds
from tests.fuzz.trial import attempt

SEED = 12
SECONDS = 12.0  # of a processor; on a core that others share, work takes twice as long


@pytest.mark.slow
def test_mutants_are_read_or_refused():
    figures = attempt(mutant(SEED, number) for number in range(300))
    assert figures.faults == []
    assert figures.unsettled == []
    assert figures.outcomes.total() == 300
    assert {"decoded", "undecodable", "unsupported_type"} <= set(figures.outcomes)


@pytest.mark.slow
def test_bombs_cost_little():
    figures = attempt(bombs())
    assert figures.faults == []
    assert figures.unsettled == []
    assert {name: seconds for seconds, _, _, name in figures.costs if seconds > SECONDS} == {}


def test_every_seed_is_a_valid_upload_of_some_kind():
    figures = attempt(Case(name, data) for name, data in seeds().items() if not name.startswith("shipped"))
    assert dict(figures.outcomes) == {"decoded": len(figures.costs)}


def test_a_mutant_is_told_from_its_seed_and_number():
    assert mutant(1, 7) == mutant(1, 7)
    assert len({mutant(seed, number).data for seed in (1, 2) for number in range(20)}) > 35


def test_a_fault_is_told_and_the_next_upload_is_tried():
    """Text where bytes belong stands for a bug: what it raises is no UploadError."""
    figures = attempt([Case("first", "no bytes"), Case("second", b"Some words.")])  # type: ignore[arg-type]  # what no decoder may be given
    assert [fault.split("\n")[0] for fault in figures.faults] == ["first"]
    assert dict(figures.outcomes) == {"fault": 1, "decoded": 1}


def test_a_time_out_is_named_with_its_upload():
    page = Case("page", b"<html><body>" + b"<p>Some words of a page.</p>" * 9000)
    figures = attempt([page], Limits(seconds=0.01))
    assert figures.unsettled == ["page"]
    assert "- page" in figures.table()


@pytest.mark.parametrize("heading", ["| outcome | uploads |", "| the slowest ten | outcome |"])
def test_figures_are_tables(heading):
    assert heading in attempt([Case("one", b"Some words.")]).table()
