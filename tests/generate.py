"""Uploads made up for tests and benchmarks: articles with log-normal lengths, and pictures with texture."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
from PIL import Image

SUBJECTS = (
    "the town council", "a local bakery", "the harbour authority", "our reporter", "the school orchestra",
    "a team of engineers", "the museum", "an amateur astronomer", "the bus company", "a family of beekeepers",
)  # fmt: skip
VERBS = (
    "announced", "described", "repaired", "opened", "measured", "postponed", "welcomed", "compared", "painted",
    "reviewed", "moved", "explained",
)  # fmt: skip
OBJECTS = (
    "a new footbridge", "the spring timetable", "three wooden boats", "an exhibition of maps", "the winter concert",
    "a recipe for rye bread", "the results of a survey", "an old stone wall", "the price of tickets",
    "a collection of letters", "the plan for the park", "a telescope on the roof",
)  # fmt: skip
TAILS = (
    "before the end of the month", "after several weeks of rain", "with help from volunteers",
    "on the eastern side of the river", "for the first time in a decade", "to the surprise of many visitors",
    "although the weather stayed cold", "while the neighbours watched", "at a cost of twelve thousand",
)  # fmt: skip


def article(rng: random.Random, words: int) -> str:
    """Plain English prose of at least `words` words in paragraphs; about 1.2 tokens a word."""
    sentences: list[str] = []
    count = 0
    while count < words:
        parts = (rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(OBJECTS), rng.choice(TAILS))
        sentence = " ".join(parts)
        sentences.append(
            sentence[0].upper() + sentence[1:] + rng.choice((".", ".", f", said {rng.randint(2, 90)} people."))
        )
        count += sentence.count(" ") + 1
    return "\n\n".join(" ".join(sentences[i : i + 5]) for i in range(0, len(sentences), 5)) + "\n"


def write_articles(folder: Path, number: int, seed: int = 0, mean_words: int = 230) -> None:
    """Write `number` articles of log-normal length (median `mean_words`, sigma 0.6), a thousand a subfolder."""
    rng = random.Random(seed)
    for i in range(number):
        words = min(2000, max(60, int(rng.lognormvariate(math.log(mean_words), 0.6))))
        path = folder / f"{i // 1000:03d}" / f"{i:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(article(rng, words), encoding="utf-8")


def picture(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """A picture with broad shapes and fine texture, different for each seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (6, 8, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    fine = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return Image.blend(coarse, fine, 0.25)


def write_pictures(folder: Path, number: int, seed: int = 0) -> None:
    """Write `number` JPEG pictures of 640 × 480."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(number):
        picture(seed + i).save(folder / f"{i:06d}.jpg", quality=85)
