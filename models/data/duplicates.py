"""Find copies and near copies of texts: MinHash in locality-sensitive buckets gives candidates to compare exactly."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from datasketch import MinHash, MinHashLSH

from models.rows import LabelledRow

NEAR = 0.8  # the least Jaccard similarity of near copies (Lee et al. 2022, "Deduplicating training data", section 4.2)
SHINGLE = 5  # characters, since a short text would have too few words to compare
SHORTEST = 24  # distinct shingles; in shorter texts a few letters decide the similarity, so only exact copies count
BANDS, ROWS = 16, 8  # a pair at 0.8 shares a bucket with probability 0.95, at 0.9 with 0.9998, at 0.5 with 0.06


def normalised(text: str) -> str:
    """Return what copies of a text have in common: its lower-case words, without marks, user names and links."""
    return " ".join(re.findall(r"\w+", re.sub(r"https?://\S+|@\w+", " ", text.lower())))


@lru_cache(maxsize=1)
def shingles(key: str) -> frozenset[str]:
    """Return all runs of `SHINGLE` characters of a normalised text."""
    return frozenset(key[i : i + SHINGLE] for i in range(max(1, len(key) - SHINGLE + 1)))


def similarity(one: Set[str], other: Set[str]) -> float:
    """Return the Jaccard similarity of two sets, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


@lru_cache(maxsize=1)
def _sketch(key: str) -> MinHash:
    sketch = _EMPTY.copy()
    sketch.update_batch(shingles(key))
    return sketch


def _hash32(shingle: str) -> int:
    return zlib.crc32(shingle.encode("utf-8", "surrogatepass"))


_EMPTY = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=_hash32)


@dataclass
class Texts:
    """Normalised texts, each with a number, in which copies of other texts can be found."""

    keys: dict[int, str] = field(default_factory=dict)
    _first: dict[str, int] = field(default_factory=dict)
    _buckets: MinHashLSH = field(default_factory=lambda: MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS)))

    def add(self, number: int, key: str) -> None:
        """Add a text; of exact copies, `find` gives the first."""
        self.keys[number] = key
        self._first.setdefault(key, number)
        if _may_be_near(key):
            self._buckets.insert(number, _sketch(key), check_duplication=False)

    def find(self, key: str, near: bool = True) -> tuple[str, list[int]]:
        """Return ("exact", [its copy]), ("near", its near copies in the order they were added), or ("", [])."""
        if key in self._first:
            return "exact", [self._first[key]]
        if not near or not _may_be_near(key):
            return "", []
        candidates, mine = sorted(self._buckets.query(_sketch(key))), shingles(key)
        found = [number for number in candidates if similarity(mine, shingles(self.keys[number])) >= NEAR]
        return ("near" if found else ""), found


def _may_be_near(key: str) -> bool:
    return len(shingles(key)) >= SHORTEST


def drop_copies(
    splits: Mapping[str, list[LabelledRow]], generated: Collection[str], told: Mapping[str, dict[str, Any]]
) -> dict[str, list[LabelledRow]]:
    """Return the rows of `dev` and `train` that stay: the first of copies, and no training row near a dev row.

    An exact copy in the same split gives the first one the targets that it lacks. Near copies in the same split stay if
    their targets contradict each other, since their difference may be the point. They also stay in `generated` sets,
    whose rows differ by a word on purpose. What is dropped is counted in `told` under each set's `copies`.
    """
    texts = {side: Texts() for side in ("dev", "train")}
    kept: dict[str, list[LabelledRow]] = {"train": [], "dev": []}
    counts = {name: Counter[str]() for name in told}
    for side in ("dev", "train"):
        for row in splits[side]:
            key, count = normalised(row["text"]), counts[row["set"]]
            if side == "train":
                kind, found = texts["dev"].find(key)
                if found:
                    count[f"{kind} across"] += 1
                    count[f"{kind} conflicts"] += _clash(row, kept["dev"][found[0]])
                    continue
            kind, found = texts[side].find(key, near=row["set"] not in generated)
            agreeing = [n for n in found if not _clash(row, kept[side][n])]
            count[f"{kind} conflicts"] += len(agreeing) < len(found)
            if kind == "exact":
                kept[side][found[0]]["targets"] = row["targets"] | kept[side][found[0]]["targets"]
            if kind == "exact" or agreeing:
                count[f"{kind} within {side}"] += 1
                continue
            texts[side].add(len(kept[side]), key)
            kept[side].append(row)
    for name, count in counts.items():
        told[name]["copies"] = {what: n for what, n in sorted(count.items()) if n}
    return kept


def _clash(one: LabelledRow, other: LabelledRow) -> bool:
    """Return whether the targets of some head can't both be true."""
    for head in one["targets"].keys() & other["targets"].keys():
        a, b = one["targets"][head], other["targets"][head]
        if a != b and (len(a) == 1 or not any(x and y for x, y in zip(a, b, strict=True))):
            return True
    return False
