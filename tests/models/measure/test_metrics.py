"""Figures for many weightings at once are those that scikit-learn gives for each; intervals cover what they should."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from models.measure.bootstrap import intervals, resamples
from models.recipe import RecipeHead

SPAM = RecipeHead(name="spam", kind="multilabel", labels=("spam",), pool="mean")
TONE = RecipeHead(name="tone", kind="multiclass", labels=("a", "b", "c"), pool="max")


def made(head: RecipeHead, rows: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Scores that tell something, with ties, and the truth."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, max(2, len(head.labels)), rows)
    if head.kind == "multilabel":
        return np.round(1 / (1 + np.exp(-chance.normal(2 * truth - 1, 1.5))), 2)[:, None], truth
    e = np.exp(chance.normal(0, 1, (rows, 3)) + np.eye(3)[truth])
    return np.round(e / e.sum(1, keepdims=True), 2) + 1e-6, truth


@pytest.mark.parametrize("head", [SPAM, TONE])
@pytest.mark.train
def test_every_resample_has_the_figures_of_scikit_learn(head: RecipeHead) -> None:
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

    from models.measure.metrics import figures

    scores, truth = made(head, 300)
    weights = resamples(300, seed=5, count=20)
    found = figures(head, scores, truth, weights)
    p = scores / scores.sum(1, keepdims=True) if head is TONE else scores
    guess = p.argmax(1) if head is TONE else (p[:, 0] >= 0.5).astype(int)
    average = "macro" if head is TONE else "binary"
    for k, w in enumerate(weights):
        told = precision_recall_fscore_support(truth, guess, average="macro", sample_weight=w)
        assert found["macro_f1"][k] == pytest.approx(told[2])
        told = precision_recall_fscore_support(truth, guess, average=average, sample_weight=w)
        assert (found["precision"][k], found["recall"][k]) == pytest.approx(told[:2])
        classes = [(p[:, c], truth == c) for c in range(3)] if head is TONE else [(p[:, 0], truth == 1)]
        auprc = np.mean([average_precision_score(t, s, sample_weight=w) for s, t in classes])
        auroc = np.mean([roc_auc_score(t, s, sample_weight=w) for s, t in classes])
        assert (found["auprc"][k], found["auroc"][k]) == pytest.approx((auprc, auroc), abs=1e-6)


def test_calibration_error_is_the_gap_between_what_was_said_and_what_came() -> None:
    from models.measure.metrics import measure

    scores = np.repeat([0.1, 0.9], 100)[:, None]
    truth = np.r_[np.repeat([0, 1], [70, 30]), np.repeat([0, 1], [10, 90])]
    assert measure(SPAM, scores, truth)["ece"] == pytest.approx(0.1, abs=1e-4)


def test_one_class_alone_has_no_figures() -> None:
    from models.measure.metrics import measure

    found = measure(SPAM, np.array([[0.2], [0.7]]), np.array([0, 0]))
    assert all(np.isnan(v) for k, v in found.items() if k != "rows")


def test_resamples_draw_as_many_rows_and_the_same_again() -> None:
    drawn = resamples(50, seed=3)
    assert (drawn.sum(1) == 50).all()
    assert (drawn == resamples(50, seed=3)).all()
    assert (drawn != resamples(50, seed=4)).any()


def test_groups_are_drawn_whole_before_their_rows() -> None:
    groups = ["north"] * 30 + ["south"] * 30 + ["east"] * 40
    drawn = resamples(100, seed=3, groups=groups, count=400)
    north, south, east = drawn[:, :30].sum(1), drawn[:, 30:60].sum(1), drawn[:, 60:].sum(1)
    assert {0, 30, 60, 90} == set(north.tolist()) == set(south.tolist())
    assert (north / 30 + south / 30 + east / 40 == 3).all()


def test_an_interval_covers_what_the_rows_were_drawn_from() -> None:
    from models.measure.metrics import figures, measure

    scores, truth = made(SPAM, 200_000, seed=9)
    real = measure(SPAM, scores, truth)
    covered = {"auroc": 0, "macro_f1": 0}
    for k in range(60):
        part = slice(300 * k, 300 * (k + 1))
        point = measure(SPAM, scores[part], truth[part])
        found = intervals(figures(SPAM, scores[part], truth[part], resamples(300, k, count=300)), point)
        for name in covered:
            covered[name] += found[name][0] <= real[name] <= found[name][1]
    assert all(51 <= v <= 60 for v in covered.values()), covered


def test_undefined_resamples_are_left_out_of_the_interval() -> None:
    values = np.r_[np.full(500, np.nan), np.linspace(0.4, 0.6, 500)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert intervals({"auroc": values}, {"auroc": 0.5})["auroc"] == pytest.approx([0.405, 0.595], abs=1e-3)
        assert intervals({"auroc": np.full(1000, np.nan)}, {"auroc": 0.5}) == {}


def test_the_calibration_error_lies_in_its_interval() -> None:
    from models.measure.metrics import figures, measure

    chance = np.random.default_rng(2)
    p = chance.random(400)
    truth = (chance.random(400) < p).astype(np.int64)
    point = measure(SPAM, p[:, None], truth)
    low, high = intervals(figures(SPAM, p[:, None], truth, resamples(400, 1)), point)["ece"]
    assert low <= point["ece"] <= high


def test_the_best_threshold_is_what_trying_all_of_them_finds() -> None:
    from models.measure.decisions import best_threshold
    from models.measure.metrics import macro_f1

    scores, truth = made(SPAM, 400, seed=4)
    truth[:200] = 0
    tried = max(macro_f1(truth, (scores[:, 0] >= t).astype(int), 2) for t in np.unique(scores))
    best = best_threshold(scores[:, 0], truth == 1)
    assert macro_f1(truth, (scores[:, 0] >= best).astype(int), 2) == pytest.approx(tried)


def test_factors_mend_a_label_that_is_said_too_rarely() -> None:
    from models.measure.decisions import best_decision
    from models.measure.metrics import macro_f1

    scores, truth = made(TONE, 3000, seed=6)
    shy = scores * np.array([1, 1, 0.5])
    half = np.arange(3000) % 2 == 0
    found = best_decision(TONE, shy, truth, half)
    assert found["factors"]["c"] > 1.4 * found["factors"]["b"]
    assert found["macro_f1"] > macro_f1(truth, shy.argmax(1), 3) + 0.02
