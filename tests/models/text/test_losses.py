"""What the loss about sentences asks for: of a bad row one bad sentence, of a harmless row none."""

from __future__ import annotations

import numpy as np
import pytest

from models.recipe import RecipeHead

pytestmark = pytest.mark.train
THREAT = RecipeHead(name="threat", kind="multilabel", labels=("threat",), unit="sentence", pool="max")
TONE = RecipeHead(name="tone", kind="multiclass", labels=("calm", "rude", "loud"), unit="sentence", pool="max")


def loss(head: RecipeHead, logits: list[list[float]], allowed: list[list[float]], bags: list[int]) -> float:
    import torch

    from models.text.losses import sentence_loss

    return float(sentence_loss([torch.tensor(logits)], [torch.tensor(allowed)], torch.tensor(bags), [head]))


def test_one_bad_sentence_is_enough_for_a_bad_row_and_too_many_for_a_harmless_one() -> None:
    one, none = [[9.0], [-9.0], [-9.0]], [[-9.0]] * 3
    bad, harmless, bags = [[1.0]] * 3, [[0.0]] * 3, [0, 0, 0]
    assert loss(THREAT, one, bad, bags) < 0.01 < 2 < loss(THREAT, none, bad, bags)
    assert loss(THREAT, none, harmless, bags) < 0.01 < 2 < loss(THREAT, one, harmless, bags)


def test_rows_in_one_window_do_not_lend_each_other_their_sentences() -> None:
    assert loss(THREAT, [[9.0], [-9.0]], [[1.0], [1.0]], [0, 1]) > 2


def test_a_row_without_a_label_teaches_nothing() -> None:
    assert loss(THREAT, [[3.0]], [[-1.0]], [0]) == 0
    assert loss(TONE, [[3.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]], [0]) == 0


def test_a_partial_label_rules_out_what_it_does_not_name() -> None:
    rude = [[0.0, 9.0, 0.0]]
    assert loss(TONE, rude, [[0.0, 1.0, 1.0]], [0]) < 0.01
    assert loss(TONE, rude, [[1.0, 0.0, 1.0]], [0]) > 2
    calm = [[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]]
    assert loss(TONE, calm, [[0.0, 1.0, 1.0]] * 2, [0, 0]) < 0.01, "one sentence is bad"
    assert loss(TONE, calm, [[1.0, 1.0, 0.0]] * 2, [0, 0]) > 2, "one sentence is not harmless"


def test_training_pools_tokens_as_jobs_do() -> None:
    import torch

    from models.text.losses import unit_logits
    from screening.classifiers.sentences.units import means

    values = np.random.default_rng(0).normal(size=(3, 20, 2)).astype(np.float32)
    row, first, last = np.array([0, 0, 2]), np.array([1, 5, 0]), np.array([5, 19, 20])
    ours = unit_logits(torch.from_numpy(values), *map(torch.from_numpy, (row, first, last)))
    assert ours.numpy() == pytest.approx(means(values, row, first, last), abs=1e-5)
