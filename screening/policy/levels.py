"""Turn the levels of a category into thresholds: resolve their targets, for each genre where they differ."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from screening.policy.problems import Path, Problems
from screening.policy.schema import HELD, Category, Level, Target
from screening.policy.signals import SignalFeed
from screening.policy.thresholds import Impossible, for_held, for_precision, for_recall
from screening.records import GENRES, Genre, Role, Threshold

Name = Literal["review", "reject"]


class Levels:
    """Resolves the levels of one category, which is at `at` in the file and about `parts` of these roles."""

    def __init__(
        self, category: Category, feed: SignalFeed, parts: tuple[Role, ...], at: Path, problems: Problems
    ) -> None:
        self._category = category
        self._feed = feed
        self._at = at
        self._problems = problems
        when = category.when
        self._genres = tuple(when.genre or GENRES)
        self._every = Threshold(
            category.id,
            feed.label,
            "review",
            feed.worse,
            0.0,
            "",
            parts,
            _or_all(self._genres),
            tuple(when.language or ()),
            when.words.min,
            when.words.max,
        )

    def resolve(self, languages: Sequence[str]) -> tuple[Threshold, ...]:
        """Return the thresholds, review before reject.

        A classifier's reject is for texts in one of the `languages`. In any other it is a review, as people must look.
        """
        review = list(self._thresholds("review", self._category.review))
        reject = list(self._thresholds("reject", self._category.reject))
        self._ordered(review, reject)
        if self._feed.from_bundle and "text" in self._feed.media:
            covered = {genre for each in review for genre in each.genres or GENRES}
            for each in reject:
                if rest := tuple(genre for genre in each.genres or GENRES if genre not in covered):
                    review.append(replace(each, level="review", genres=_or_all(rest)))
            wanted = self._category.when.language or languages
            read = tuple(code for code in languages if code in self._feed.languages and code in wanted)
            reject = [replace(each, languages=read) for each in reject] if read else []
        return (*review, *reject)

    def _thresholds(self, name: Name, level: Level | None) -> Iterator[Threshold]:
        if level is None:
            return
        path = (*self._at, name)
        every = replace(self._every, level=name)
        by_genre: dict[str, Target] = {
            key: target for key in (*GENRES, "other") if (target := getattr(level, key)) is not None
        }
        if not by_genre:
            yield from self._resolved(level, every, self._genres, path)
            return
        if _given(level):
            what = f"{name} has a level for all genres beside those of single ones"
            self._problems.add(path, what, "write it as `other: ...`")
        for key, target in by_genre.items():
            named = tuple(each for each in GENRES if (each == key if key != "other" else each not in by_genre))
            genres = tuple(each for each in named if each in self._genres)
            if not genres:
                what = f"no upload of this category is of genre {key!r}"
                self._problems.add((*path, key), what, "remove it, or name the genre in `when`")
            yield from self._resolved(target, replace(every, genres=_or_all(genres)), genres, (*path, key))

    def _resolved(self, target: Target, every: Threshold, genres: tuple[Genre, ...], path: Path) -> Iterator[Threshold]:
        feed, name = self._feed, every.level
        given = _given(target)
        if len(given) != 1:
            what = f"{name} needs exactly one of score, precision, recall and held"
            self._problems.add(path, what, f"for example `{name}: 0.9`")
            return
        [(kind, value)] = given.items()
        origin = f"{kind}: {target.held or f'{value:g}'}"
        if kind == "score":
            least, most = feed.range
            if not least <= value <= most:
                fix = f"between {least:g} and {most:g}" if most < math.inf else f"of {least:g} or more"
                what = f"{name}: {value:g} is outside the range of {feed.label}, whose unit is {feed.unit}"
                self._problems.add(path, what, f"write a number {fix}")
                return
            yield replace(every, score=float(value), origin=origin)
            return
        if feed.calibration is None:
            what = f"a {kind} target needs a calibrated label, and {feed.label} is " + (
                "not calibrated in its bundle"
                if feed.from_bundle
                else "a hash match"
                if feed.source == "bank"
                else "a check"
            )
            like = f"`{name}: {'0.9' if feed.range[1] <= 1 else '10'}`"
            self._problems.add(path, what, f"write a score in {feed.unit}, like {like}")
            return
        try:
            if kind == "held":
                for genre, score in for_held(feed.calibration, value, genres).items():
                    yield replace(every, score=score, origin=origin, genres=(genre,))
            else:
                resolve = for_precision if kind == "precision" else for_recall
                yield replace(every, score=resolve(feed.calibration, value), origin=origin)
        except Impossible as error:
            what = f"{self._category.id}: {error} for {feed.label} on the bundle's calibration data"
            self._problems.add((*path, kind), what, error.best)

    def _ordered(self, review: Sequence[Threshold], reject: Sequence[Threshold]) -> None:
        """Refuse a reject that is milder than the review of the same genre."""
        high = self._feed.worse == "high"
        for hard in reject:
            for mild in review:
                if not set(hard.genres or GENRES) & set(mild.genres or GENRES):
                    continue
                if hard.score < mild.score if high else hard.score > mild.score:
                    what = f"reject ({_said(hard)}) is milder than review ({_said(mild)})"
                    side = "at or above" if high else "at or below"
                    fix = f"set reject {side} {mild.score:g}, or lower the demands of review"
                    self._problems.add((*self._at, "reject"), what, fix)
                    return


def _given(target: Target) -> dict[str, float]:
    given = {"score": target.score, "precision": target.precision, "recall": target.recall, "held": _share(target.held)}
    return {kind: value for kind, value in given.items() if value is not None}


def _share(held: str | None) -> float | None:
    found = re.fullmatch(HELD, held or "")
    return float(found[1]) / float(found[2]) if found else None


def _or_all(genres: tuple[Genre, ...]) -> tuple[Genre, ...]:
    return () if set(genres) == set(GENRES) else genres


def _said(level: Threshold) -> str:
    return level.origin if level.origin.startswith("score") else f"{level.origin} → {level.score:g}"
