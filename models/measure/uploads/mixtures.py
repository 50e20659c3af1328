"""Set a bad sentence into ordinary texts that nobody trained on, as somebody would who wants to hide it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from screening.classifiers.sentences.split import ends

LENGTHS = (150, 400, 0)  # words; 0 stands for the whole text


@dataclass(frozen=True)
class Mixture:
    """An ordinary text, cut to a length in words (0: whole), and the same with a bad sentence at a random place."""

    words: int
    clean: str
    mixed: str


def mixtures(carriers: Sequence[str], bad: Sequence[str], seed: int) -> list[Mixture]:
    """Return one mixture of each carrier and length; a carrier shorter than a length is left out of it."""
    chance = random.Random(seed)
    made: list[Mixture] = []
    for text in carriers:
        for words in LENGTHS:
            if len(text.split()) < words:
                continue
            sentences = [text[a:b] for a, b in pairwise([0, *ends(text)])]
            kept, count = list[str](), 0
            for sentence in sentences:
                if words and count >= words:
                    break
                kept.append(sentence)
                count += len(sentence.split())
            place = chance.randint(0, len(kept))
            parts = [*kept[:place], f" {chance.choice(bad)} ", *kept[place:]]
            made.append(Mixture(words, "".join(kept).strip(), "".join(parts).strip()))
    return made
