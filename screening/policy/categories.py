"""Turn a policy's categories into rules: find their signals, resolve their targets, and report what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from screening.checks.text import known_languages
from screening.policy.decide import DECIDED_ERRORS, KNOWN_GOOD
from screening.policy.levels import Levels
from screening.policy.problems import Path, Problems, suggest
from screening.policy.rules import Rule
from screening.policy.schema import Category
from screening.policy.signals import SignalFeed

MISINFORMATION = ("misinformation", "unreliable_style")
RESERVED = (*DECIDED_ERRORS, KNOWN_GOOD)


class Compiler:
    """Makes rules from categories. `feeds` are the signals by name; what is wrong is added to `problems`.

    `languages` are those of the policy.
    """

    def __init__(self, feeds: Mapping[str, list[SignalFeed]], languages: Sequence[str], problems: Problems) -> None:
        self._feeds = feeds
        self._languages = languages
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
        levels = Levels(category, feed, parts, at, self._problems).resolve(self._languages)
        if self._is_misinformation(category, feed) and category.reject and not category.misinformation_may_reject:
            self._problems.add(
                (*at, "reject"),
                f"{category.id}: a text model sees style, not truth, so misinformation can't reject by itself",
                "use review only, or allow it explicitly: `misinformation_may_reject: true`",
            )
        return Rule(category.id, feed.label, feed.source, media, parts, feed.required, levels)

    def _check(self, category: Category, at: Path) -> None:
        add = self._problems.add
        if category.id in RESERVED:
            add((*at, "id"), f"{category.id!r} is a reason that the product itself gives", "choose another id")
        for i, code in enumerate(category.when.language or ()):
            if code not in known_languages():
                what = f"language {code!r} can't be recognised, so the category would never apply"
                add((*at, "when", "language", i), what, suggest(code, sorted(known_languages())))
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
