"""Calibration and threshold tables say what the rows say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.recipe import RecipeHead
from models.text.score import FittedForm, Windows
from screening.classifiers.surface import FEATURES

pytestmark = pytest.mark.train
SPAM = RecipeHead(name="spam", kind="multilabel", labels=("spam",), pool="mean")
TONE = RecipeHead(name="tone", kind="multiclass", labels=("a", "b", "c"), pool="max")


def windows(name: str, logits: np.ndarray, owner: np.ndarray | None = None) -> Windows:
    owner = np.arange(len(logits)) if owner is None else owner
    tokens, forms = np.full(len(logits), 10), np.zeros((owner.max() + 1, len(FEATURES)))
    return Windows({name: logits.astype(np.float32)}, owner, tokens, forms)


def test_platt_scaling_finds_the_scale_that_made_the_labels() -> None:
    chance = np.random.default_rng(1)
    z = chance.normal(0, 4, 20_000)
    truth = (chance.random(20_000) < 1 / (1 + np.exp(-(0.5 * z - 1)))).astype(np.int64)
    from models.measure.calibrate import fit

    found = fit(SPAM, windows("spam", z[:, None]), truth)
    assert found.scale[0] == pytest.approx(0.5, abs=0.05)
    assert found.shift[0] == pytest.approx(-1, abs=0.15)


def test_one_temperature_for_the_classes_of_a_head() -> None:
    chance = np.random.default_rng(2)
    z = chance.normal(0, 4, (20_000, 3))
    p = np.exp(0.5 * z) / np.exp(0.5 * z).sum(1, keepdims=True)
    truth = (chance.random((20_000, 1)) > p.cumsum(1)).sum(1)
    from models.measure.calibrate import fit

    found = fit(TONE, windows("tone", z), truth)
    assert found.scale == pytest.approx((0.5,) * 3, abs=0.05)
    assert found.shift == pytest.approx((0,) * 3, abs=0.1)


def test_the_table_is_what_counting_gives() -> None:
    from models.measure.calibrate import table

    chance = np.random.default_rng(3)
    scores, positive = chance.random(3000), chance.random(3000) < 0.1
    made = table(scores, positive)
    assert made["rows"] == 3000
    assert made["positives"] == positive.sum()
    assert made["thresholds"] == sorted(set(made["thresholds"]))
    assert 100 <= len(made["thresholds"]) <= 200
    for t, precision, recall in zip(made["thresholds"], made["precision"], made["recall"], strict=True):
        above = scores >= t
        assert precision == pytest.approx(positive[above].mean(), abs=1e-6)
        assert recall == pytest.approx((positive & above).sum() / positive.sum(), abs=1e-6)


def test_the_highest_scores_of_harmless_texts_are_kept_and_never_rounded_down() -> None:
    from models.measure.calibrate import highest

    scores = np.random.default_rng(3).random(3000)
    made = highest(scores)
    assert made["rows"] == 3000
    assert len(made["highest"]) == 150
    assert made["highest"] == sorted(made["highest"], reverse=True)
    assert all(0 <= kept - score < 2e-6 for kept, score in zip(made["highest"], np.sort(scores)[::-1], strict=False))
    assert len(highest(scores[:40])["highest"]) == 40


def test_pooling_takes_the_worst_window_or_the_mean_by_tokens() -> None:
    z = np.array([[0.0], [4.0], [-2.0]])
    w = replace(windows("spam", z, np.array([0, 0, 1])), tokens=np.array([30, 10, 5]))
    p = 1 / (1 + np.exp(-z[:, 0]))
    assert w.pooled(SPAM)[:, 0] == pytest.approx([(30 * p[0] + 10 * p[1]) / 40, p[2]])
    worst = SPAM.model_copy(update={"pool": "max"})
    assert w.pooled(worst)[:, 0] == pytest.approx([p[1], p[2]])


def test_a_rare_label_may_be_decided_where_macro_f1_is_highest() -> None:
    from sklearn.metrics import f1_score

    from models.measure.calibrate import fit

    chance = np.random.default_rng(3)
    truth = (chance.random(6000) < 0.1).astype(np.int64)
    made = windows("spam", chance.normal(truth * 1.5, 1)[:, None])
    likely, moved = (fit(head, made, truth) for head in (SPAM, SPAM.model_copy(update={"decide": "macro_f1"})))
    assert moved.scale == likely.scale
    assert moved.shift[0] > likely.shift[0] + 0.3
    first, second = (f1_score(truth, made.pooled(SPAM, c)[:, 0] >= 0.5, average="macro") for c in (likely, moved))
    assert second > first + 0.02


def test_classes_may_be_decided_where_macro_f1_is_highest() -> None:
    from sklearn.metrics import f1_score

    from models.measure.calibrate import fit

    chance = np.random.default_rng(4)
    truth = chance.choice(3, 6000, p=[0.7, 0.2, 0.1])
    made = windows("tone", chance.normal(np.eye(3)[truth] * 1.5, 1))
    f1 = []
    for head in (TONE, TONE.model_copy(update={"decide": "macro_f1"})):
        found = fit(head, made, truth)
        assert sum(found.shift) == pytest.approx(0, abs=1e-9)
        f1.append(f1_score(truth, made.pooled(head, found).argmax(1), average="macro"))
    assert f1[1] > f1[0] + 0.005


def test_the_form_of_a_text_is_added_before_the_shift_is_fitted() -> None:
    from models.measure.calibrate import fit

    chance = np.random.default_rng(5)
    truth = chance.integers(0, 2, 4000)
    forms = np.zeros((4000, len(FEATURES)))
    forms[:, 0] = chance.normal(truth, 1)  # its log odds are forms - 0.5
    made = replace(windows("spam", np.zeros((4000, 1))), forms=forms)
    form = FittedForm((0.0,) * len(FEATURES), (1.0,) * len(FEATURES), (1.0, *[0.0] * (len(FEATURES) - 1)))
    found = fit(SPAM, made, truth, form)
    assert found.surface == form
    assert found.shift[0] == pytest.approx(-0.5, abs=0.1)
