"""Numbers add up whoever counts, and time side by side is told from time on the clock."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from screening.meter import Meter, since, summed

numbers = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))


def test_no_number_of_many_threads_is_lost() -> None:
    meter = Meter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: meter.add("uploads"), range(4000)))
    assert meter.read() == {"uploads": 4000}


def test_a_step_that_raises_has_its_time_counted() -> None:
    meter = Meter()
    with suppress(ValueError), meter.step("read"):
        time.sleep(0.02)
        raise ValueError
    assert meter.read()["ms.read"] >= 20


def test_two_threads_in_a_step_count_twice_and_are_busy_once() -> None:
    meter, together = Meter(), threading.Barrier(2)

    def work(_: int) -> None:
        with meter.step("infer"), meter.busy("engine"):
            together.wait()
            time.sleep(0.1)
            together.wait()

    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    wall = 1000 * (time.perf_counter() - start)
    found = meter.read()
    assert found["ms.infer"] >= 200
    assert 100 <= found["wall_ms.engine"] <= wall + 0.5  # rounded to a millisecond


def test_an_idle_engine_is_not_busy() -> None:
    meter = Meter()
    with meter.busy("engine"):
        pass
    time.sleep(0.1)
    with meter.busy("engine"):
        pass
    assert meter.read()["wall_ms.engine"] < 50


def test_small_times_are_not_rounded_away() -> None:
    meter = Meter()
    before, parts = meter.read(), []
    for _ in range(100):
        meter.add("ms.match", 0.4)
        now = meter.read()
        parts.append(since(before, now))
        before = now
    assert summed(parts) == {"ms.match": 40}


@given(st.lists(numbers, max_size=5), st.randoms())
def test_readings_add_up_in_any_order(readings, random) -> None:
    shuffled = random.sample(readings, len(readings))
    assert summed(shuffled) == summed(readings)


@given(numbers, numbers)
def test_what_was_added_since_makes_up_the_difference(before, added) -> None:
    now = summed([before, added])
    grown = since(before, now)
    assert {name: count for name, count in summed([before, grown]).items() if count} == {
        name: count for name, count in now.items() if count
    }
    assert all(grown.values())
