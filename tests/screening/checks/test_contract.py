"""What every check keeps, whatever the content."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from screening.checks import ALL_CHECKS, IMAGE_CHECKS, TEXT_CHECKS, known_languages, run_checks
from screening.records import Article, Picture
from tests.pace import times

FUZZ = settings(
    max_examples=times(80, 16), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
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


def check_signals(content, checks):
    signals = run_checks(content, ("en", "de"))
    assert [(signal.label, signal.source) for signal in signals] == [(check.name, check.source) for check in checks]
    for signal, check in zip(signals, checks, strict=True):
        assert math.isfinite(signal.score)
        least, most = check.range
        assert least <= signal.score <= most
    assert run_checks(content, ("de", "en")) == signals


@FUZZ
@given(TEXTS)
def test_texts_get_one_finite_score_from_each_check(text):
    check_signals(Article("text/plain", text), TEXT_CHECKS)


@FUZZ
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 140), st.integers(1, 140), st.just(3)), fill=st.integers(0, 255))
)
def test_pictures_get_one_finite_score_from_each_check(pixels):
    check_signals(Picture("image/png", pixels.shape[1], pixels.shape[0], 1, pixels), IMAGE_CHECKS)


@pytest.mark.parametrize("check", IMAGE_CHECKS, ids=lambda check: check.name)
def test_checks_leave_the_pixels_alone(check, lab):
    pixels = lab.photograph()
    before = pixels.copy()
    pixels.flags.writeable = False
    run_checks(lab.as_picture(pixels))
    assert (pixels == before).all()
    assert check in ALL_CHECKS


def test_languages_that_a_policy_may_name():
    assert {"en", "de", "fr", "es", "zh", "ar", "ja"} <= known_languages()
    assert all(len(code) == 2 for code in known_languages())
