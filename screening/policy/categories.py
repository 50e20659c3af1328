"""Turn a policy's categories into rules: find their signals, resolve their targets, and report what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from screening.policy.decide import DECIDED_ERRORS, KNOWN_GOOD, crosses
from screening.policy.problems import Path, Problems, suggest
from screening.policy.rules import Rule
from screening.policy.schema import Category, Level
from screening.policy.signals import SignalFeed
from screening.policy.thresholds import Impossible, for_precision, for_recall
from screening.records import Role, Threshold

MISINFORMATION = ("misinformation", "unreliable_style")
RESERVED = (*DECIDED_ERRORS, KNOWN_GOOD)


class Compiler:
    """Makes rules from categories. `feeds` are the signals by name; what is wrong is added to `problems`."""

    def __init__(self, feeds: Mapping[str, list[SignalFeed]], problems: Problems) -> None:
        self._feeds = feeds
        self._problems = problems

    def compile(self, categories: Iterable[Category | None]) -> list[Rule]:
        """Return the rules of all sound categories, in order; None stands for one that is already known to be wrong."""
        rules: list[Rule] = []
        seen: set[str] = set()
        for i, category in enumerate(categories):
            if category is None:
                continue
            at: Path = ("categories", i)
            if category.id in seen:
                self._problems.add(
                    (*at, "id"), f"category {category.id!r} appears twice", "give each category an id of its own"
                )
            seen.add(category.id)
            if rule := self._rule(category, at):
                rules.append(rule)
        return rules

    def _rule(self, category: Category, at: Path) -> Rule | None:
        self._check(category, at)
        feed = self._feed(category, at)
        if feed is None:
            return None
        for key in ("media", "parts") if feed.source.startswith("document/") else ():
            if getattr(category, key):
                what = f"{feed.label} is about the upload as a whole, so it has no `{key}`"
                self._problems.add((*at, key), what, f"remove `{key}`")
        media = tuple(category.media or feed.media)
        for i, medium in enumerate(media):
            if medium not in feed.media:
                what = f"{feed.label} scores {' and '.join(feed.media)} only, not {medium}"
                self._problems.add((*at, "media", i), what, f"write `media: [{', '.join(feed.media)}]`")
        parts = tuple(category.parts or feed.parts)
        if other := [role for role in parts if role not in feed.parts]:
            what = f"{feed.label} is about parts that are {' or '.join(feed.parts)} only, not {other[0]}"
            self._problems.add((*at, "parts"), what, f"write `parts: [{', '.join(feed.parts)}]`")
        review = self._level(category, "review", category.review, feed, parts, at)
        reject = self._level(category, "reject", category.reject, feed, parts, at)
        if review and reject and not crosses(reject.score, review):
            what = f"reject ({_said(reject)}) is milder than review ({_said(review)})"
            side = "at or above" if feed.worse == "high" else "at or below"
            self._problems.add(
                (*at, "reject"), what, f"set reject {side} {review.score:g}, or lower the demands of review"
            )
        if self._is_misinformation(category, feed) and reject and not category.misinformation_may_reject:
            self._problems.add(
                (*at, "reject"),
                f"{category.id}: a text model sees style, not truth, so misinformation can't reject by itself",
                "use review only, or allow it explicitly: `misinformation_may_reject: true`",
            )
        return Rule(category.id, feed.label, feed.source, media, parts, feed.required, review, reject)

    def _check(self, category: Category, at: Path) -> None:
        add = self._problems.add
        if category.id in RESERVED:
            add((*at, "id"), f"{category.id!r} is a reason that the product itself gives", "choose another id")
        if not category.review and not category.reject:
            add(at, f"category {category.id!r} has no level", "add `review: ...`, `reject: ...` or both")
        if category.reject and not category.statement:
            add((*at, "reject"), f"category {category.id!r} rejects without a statement of reasons",
                "add `statement: STATEMENT_CATEGORY_...`, a category of the DSA transparency database")  # fmt: skip

    def _feed(self, category: Category, at: Path) -> SignalFeed | None:
        found = self._feeds.get(category.signal, [])
        if len(found) == 1:
            return found[0]
        if not found:
            short = [name for name in self._feeds if "/" not in name or "/" in category.signal]
            known = "a label of a bundle, nor a check, nor known_hash, nor known_host"
            what = f"signal {category.signal!r} is neither {known}"
            self._problems.add((*at, "signal"), what, suggest(category.signal, short))
        else:
            names = sorted(
                name for name, each in self._feeds.items() if "/" in name and len(each) == 1 and each[0] in found
            )
            fix = f"write {' or '.join(names)}" if names else "give each bundle a name of its own"
            self._problems.add((*at, "signal"), f"signal {category.signal!r} is ambiguous", fix)
        return None

    def _is_misinformation(self, category: Category, feed: SignalFeed) -> bool:
        return category.id in MISINFORMATION or feed.label in MISINFORMATION

    def _level(
        self,
        category: Category,
        name: Literal["review", "reject"],
        level: Level | None,
        feed: SignalFeed,
        parts: tuple[Role, ...],
        at: Path,
    ) -> Threshold | None:
        if level is None:
            return None
        path = (*at, name)
        given = level.model_dump(exclude_none=True)
        if len(given) != 1:
            self._problems.add(
                path, f"{name} needs exactly one of score, precision and recall", f"for example `{name}: 0.9`"
            )
            return None
        [(kind, value)] = given.items()
        origin = f"{kind}: {value:g}"
        if kind == "score":
            least, most = feed.range
            if not least <= value <= most:
                fix = f"between {least:g} and {most:g}" if most < math.inf else f"of {least:g} or more"
                what = f"{name}: {value:g} is outside the range of {feed.label}, whose unit is {feed.unit}"
                self._problems.add(path, what, f"write a number {fix}")
                return None
            return Threshold(category.id, feed.label, name, feed.worse, float(value), origin, parts)
        if feed.calibration is None:
            what = f"a {kind} target needs a calibrated label, and {feed.label} is " + (
                "not calibrated in its bundle"
                if feed.from_bundle
                else "a hash match"
                if feed.source == "bank"
                else "a check"
            )
            self._problems.add(
                path, what, f"write a score in {feed.unit}, like `{name}: {'0.9' if feed.range[1] <= 1 else '10'}`"
            )
            return None
        try:
            resolve = for_precision if kind == "precision" else for_recall
            return Threshold(category.id, feed.label, name, "high", resolve(feed.calibration, value), origin, parts)
        except Impossible as error:
            self._problems.add(
                (*path, kind), f"{category.id}: {error} for {feed.label} on the bundle's calibration data", error.best
            )
            return None


def _said(level: Threshold) -> str:
    return level.origin if level.origin.startswith("score") else f"{level.origin} → {level.score:g}"
