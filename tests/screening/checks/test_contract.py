"""What every check keeps, whatever the content."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from screening.checks import ALL_CHECKS, IMAGE_CHECKS, TEXT_CHECKS, known_languages, run_checks
from screening.content import Part, Text
from screening.records import ROLES
from tests.pace import times

FUZZ = settings(max_examples=times(80, 16), derandomize=True, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(max_size=300) | st.lists(
    st.sampled_from(["word", "buy now", "\n", "!", "...", "é", "語", "\u200b", "🙂", " "]), max_size=80
).map(" ".join)


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.name)
def test_every_check_names_its_scale_and_its_source(check):
    assert check.version >= 1
    assert check.unit
    assert check.worse in ("high", "low")
    assert check.source == f"check/{check.name}@{check.version}"
    described = check.function.__doc__ or ""
    assert re.search(r"\b(19|20)\d\d\b|ISO|EBU|https://|highlight warning", described), "no source in the docstring"


def test_names_are_unique_and_media_are_theirs():
    assert len({check.name for check in ALL_CHECKS}) == len(ALL_CHECKS)
    assert {check.medium for check in TEXT_CHECKS} == {"text"}
    assert {check.medium for check in IMAGE_CHECKS} == {"image"}


def check_signals(document, checks):
    signals = run_checks(document, ("en", "de"))
    assert [(signal.label, signal.source) for signal in signals] == [(check.name, check.source) for check in checks]
    for signal, check in zip(signals, checks, strict=True):
        assert math.isfinite(signal.score)
        least, most = check.range
        assert least <= signal.score <= most
        assert signal.evidence.part == "main 1"
    assert run_checks(document, ("de", "en")) == signals


@FUZZ
@given(TEXTS)
def test_texts_get_one_finite_score_from_each_check(lab, text):
    check_signals(lab.text_alone(text), TEXT_CHECKS)


@FUZZ
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 140), st.integers(1, 140), st.just(3)), fill=st.integers(0, 255))
)
def test_pictures_get_one_finite_score_from_each_check(lab, pixels):
    check_signals(lab.picture_alone(pixels), IMAGE_CHECKS)


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_checks_leave_the_pixels_alone(check, lab):
    pixels = lab.photograph()
    before = pixels.copy()
    pixels.flags.writeable = False
    run_checks(lab.picture_alone(pixels))
    assert (pixels == before).all()
    assert check in ALL_CHECKS


def test_of_several_main_parts_the_worst_score_counts_and_its_evidence_names_the_part(lab):
    contents = Text(lab.news), Text("!!! $$$ buy now"), lab.as_picture(lab.photograph())
    apart = [{signal.label: signal.score for signal in run_checks(lab.document(each), ("en",))} for each in contents]
    together = run_checks(lab.document(*contents), ("en",))
    for check, signal in zip(ALL_CHECKS, together, strict=True):
        found = {f"main {i}": scores[check.name] for i, scores in enumerate(apart, 1) if check.name in scores}
        worst = (max if check.worse == "high" else min)(found, key=found.__getitem__)
        assert (signal.label, signal.score, signal.evidence.part) == (check.name, found[worst], worst)
    assert {signal.evidence.part for signal in together} == {"main 1", "main 2", "main 3"}


def test_parts_that_are_not_main_are_not_checked(lab):
    main = lab.document(Text(lab.news), lab.as_picture(lab.photograph()))
    bad = Text("!!!"), lab.as_picture(np.zeros((9, 9, 3), np.uint8))
    roles = set(ROLES) - {"main"}
    others = tuple(Part(f"{role} {i}", role, content) for role in roles for i, content in enumerate(bad))
    assert run_checks(replace(main, parts=(*others, *main.parts))) == run_checks(main)
    assert run_checks(replace(main, parts=others)) == []


def test_languages_that_a_policy_may_name():
    assert {"en", "de", "fr", "es", "zh", "ar", "ja"} <= known_languages()
    assert all(len(code) == 2 for code in known_languages())
