"""The losses of heads that each know the labels of some rows only: of windows, and of sentences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.recipe import RecipeHead


def masked_loss(logits: Sequence[Tensor], allowed: Sequence[Tensor], heads: Sequence[RecipeHead]) -> Tensor:
    """Return the mean over the batch's rows of the summed losses of the heads that a row has a label for.

    `allowed[h]` is float [batch, labels]. For a multiclass head it is 1 for each label that the row may have, and all 0
    if the row has no label; the loss is -log of the probability of the allowed labels together (partial labels). For a
    multilabel head it is 1, 0, or -1 for no label.
    """
    total = logits[0].new_zeros(())
    for z, target, head in zip(logits, allowed, heads, strict=True):
        if head.kind == "multiclass":
            known = target.sum(1) > 0
            log_p = torch.log_softmax(z.float(), 1)
            per_row = -torch.logsumexp(log_p.masked_fill(target == 0, -1e4), 1)
            total = total + per_row[known].sum()
        else:
            known = target >= 0
            loss = nn.functional.binary_cross_entropy_with_logits(z.float(), target.clamp(min=0), reduction="none")
            total = total + loss[known].sum()
    return total / logits[0].shape[0]


def sentence_loss(
    logits: Sequence[Tensor], allowed: Sequence[Tensor], bags: Tensor, heads: Sequence[RecipeHead]
) -> Tensor:
    """Return the mean over sentences of the summed losses of heads about sentences, whose labels belong to rows.

    `logits[h]` and `allowed[h]` are [sentences, labels], the latter as in `masked_loss`, of each sentence's row. `bags`
    [sentences] has the number of the row in the batch. Each sentence of a harmless row is harmless. Of a bad row (one
    that can't have a head's first label, or has its only one) only the worst sentence needs to be bad: its loss is that
    of the mean of its sentences, weighted by the softmax of what they say (multiple-instance learning, Ilse et al.
    2018).
    """
    total, count = logits[0].new_zeros((), dtype=torch.float32), len(bags)
    for z, target, head in zip(logits, allowed, heads, strict=True):
        if head.kind == "multiclass":
            log_p = torch.log_softmax(z.float(), 1)
            inside, outside = (torch.logsumexp(log_p.masked_fill(target == x, -1e4), 1) for x in (0, 1))
            odds, known, bad = (
                inside - outside,
                (target.sum(1) > 0) & (target.sum(1) < target.shape[1]),
                target[:, 0] == 0,
            )
        else:
            odds, known, bad = (z * (2 * target - 1)).float()[:, 0], target[:, 0] >= 0, target[:, 0] == 1
        total = total + nn.functional.softplus(-odds[known & ~bad]).sum()
        if (mine := known & bad).any():
            total = total + nn.functional.softplus(-worst(odds[mine], bags[mine])).sum()
    return total / count


def worst(odds: Tensor, bags: Tensor) -> Tensor:
    """Return for each bag the mean of its odds, weighted by their softmax; the weights are constants."""
    _, number = torch.unique(bags, return_inverse=True)
    size = int(number.max()) + 1
    said = odds.detach()
    top = torch.full((size,), -torch.inf).to(said).scatter_reduce(0, number, said, "amax")
    weight = torch.exp(said - top[number])
    whole = torch.zeros(size).to(said).index_add(0, number, weight)
    return torch.zeros(size).to(odds).index_add(0, number, odds * weight / whole[number])


def unit_logits(tokens: Tensor, row: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Return the mean logits [units, labels] of `tokens` [batch, seq, labels], as jobs take them."""
    sums = nn.functional.pad(tokens.float().cumsum(1), (0, 0, 1, 0))
    return (sums[row, last] - sums[row, first]) / (last - first)[:, None]
