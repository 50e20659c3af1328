"""Quality checks, and matches with known hashes. They only score; the policy decides."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext

from screening.checks import image, text
from screening.checks.check import Check
from screening.checks.image import IMAGE_CHECKS
from screening.checks.text import TEXT_CHECKS, known_languages
from screening.records import Article, Content, Signal

LONG = 1 << 18  # characters; checking the longest texts takes about 200 MB, so they are checked one at a time
_LONG = threading.Lock()
ALL_CHECKS: tuple[Check, ...] = (*TEXT_CHECKS, *IMAGE_CHECKS)

__all__ = ["ALL_CHECKS", "IMAGE_CHECKS", "TEXT_CHECKS", "Check", "known_languages", "run_checks"]


def run_checks(content: Content, languages: Sequence[str] = ()) -> list[Signal]:
    """Return one signal for each check of the content's medium.

    `languages` are those of the policy, as ISO 639-1 codes.
    """
    if isinstance(content, Article):
        with _LONG if len(content.text) > LONG else nullcontext():
            article = text.View(content, languages)
            return [check.signal(article) for check in TEXT_CHECKS]
    picture = image.View(content)
    return [check.signal(picture) for check in IMAGE_CHECKS]
