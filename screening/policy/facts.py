"""What a policy may ask of an upload besides its scores: its parts, their words and languages, and its genre."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from screening.records import Genre, Role, ScreenedPart, Threshold, Verdict, parts_of


@dataclass(frozen=True)
class Facts:
    """An upload's parts (none if they are unknown) and its genre. What is unknown meets every condition."""

    parts: Sequence[ScreenedPart]
    genre: Genre | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> Facts:
        """Return the facts that a verdict was made from."""
        return cls(parts_of(verdict.parts, verdict.medium), verdict.genre)

    def role(self, place: str) -> Role:
        """Return the role of the part at a place; what is about no part is about what the upload mainly is."""
        return self._roles.get(place, "main")

    def meet(self, threshold: Threshold, place: str) -> bool:
        """Return whether a threshold is for the part at a place of the upload, or for the whole of it (place "")."""
        if threshold.genres and self.genre and self.genre not in threshold.genres:
            return False
        if not place:
            return True
        role = self.role(place)
        if threshold.parts and role not in threshold.parts:
            return False
        language, words = self._languages.get(place, ""), self._words.get(role)
        if threshold.languages and language and language not in threshold.languages:
            return False
        most = math.inf if threshold.max_words is None else threshold.max_words
        return words is None or (threshold.min_words or 0) <= words <= most

    @cached_property
    def _roles(self) -> dict[str, Role]:
        return {part.place: part.role for part in self.parts}

    @cached_property
    def _languages(self) -> dict[str, str]:
        return {part.place: part.language for part in self.parts}

    @cached_property
    def _words(self) -> dict[Role, int]:
        """The words of all parts of a role, for those roles where they are known."""
        words: dict[Role, int] = {}
        for part in self.parts:
            if part.words is not None:
                words[part.role] = words.get(part.role, 0) + part.words
        return words
