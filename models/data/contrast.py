"""Generate rows that the public sets lack, from the templates in `templates/` (no data, no downloads).

They are ordinary writing that must not fire; groups named neutrally; hostility that is negated, reported or answered;
and the plain hostile sentences that these differ from only in meaning, so that no template is safe by its form. Every
fifth template is for dev only. The idea is that of functional tests (Röttger et al. 2021); no template is taken from
there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATES = Path(__file__).with_name("templates")
OPENINGS = (
    "Look, ",
    "Let me say it: ",
    "As I told you, ",
    "To be clear: ",
    "Today I read this: ",
    "Honestly, ",
    "lol ",
)
LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5"})
Words = Mapping[str, Sequence[str]]


@cache
def _file(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8"))
    return found


def contrast_rows(seed: int = 20) -> Iterator[dict[str, Any]]:
    """Yield rows with `text`, `label`, `split` and `source`; a label is `ordinary` or a key of a template's `rows`."""
    chance = random.Random(seed)
    topics, ordinary = _file("ordinary")["topics"], _file("ordinary")["words"]
    plain = {split: [s for pool in topics.values() for s in _split(pool)[split]] for split in ("train", "dev")}
    for name in ("groups", "promotion", "conduct", "everyday"):
        words = _file(name)["words"]
        for label, how in _file(name)["rows"].items():
            for split, pool in _split(how["texts"]).items():
                for template in pool:
                    for _ in range(how["each"]):
                        yield _row(label, split, name, _vary(_fill(template, words, chance), chance))
                share = len(pool) / len(how["texts"])
                for _ in range(round(how.get("mixed", 0) * share)):
                    told = [_fill(t, words, chance) for t in chance.sample(pool, chance.randint(1, min(4, len(pool))))]
                    around = [_fill(chance.choice(plain[split]), ordinary, chance) for _ in range(chance.randint(0, 8))]
                    place = chance.randint(0, len(around))
                    yield _row(label, split, name, _joined([*around[:place], *told, *around[place:]], chance))
    for sentences in topics.values():
        for split, pool in _split(sentences).items():
            for sentence in pool:
                for _ in range(4 if split == "train" else 2):
                    yield _row("ordinary", split, "ordinary", _fill(sentence, ordinary, chance))
            for _ in range(90 if split == "train" else 12):
                told = [_fill(chance.choice(pool), ordinary, chance) for _ in range(chance.randint(2, 16))]
                yield _row("ordinary", split, "ordinary", _joined(told, chance))


def _split(templates: Sequence[str]) -> dict[str, list[str]]:
    return {
        "train": [t for k, t in enumerate(templates) if k % 5 != 4],
        "dev": [t for k, t in enumerate(templates) if k % 5 == 4],
    }


def _fill(template: str, words: Words, chance: random.Random) -> str:
    while "{" in template:
        name = template[template.index("{") + 1 : template.index("}")]
        template = template.replace("{" + name + "}", chance.choice(words[name]), 1)
    return template[:1].upper() + template[1:] if chance.random() < 0.7 else template


def _joined(sentences: Sequence[str], chance: random.Random) -> str:
    return "".join(s + chance.choice((" ", " ", " ", "\n\n")) for s in sentences).strip()


def _vary(text: str, chance: random.Random) -> str:
    """Return a text as people vary it: half stay; the rest lose their marks, get an opening, or dodge a filter."""
    lot = chance.random()
    if lot < 0.22:
        return "".join(c for c in text.lower() if c.isalnum() or c == " ")
    if lot < 0.36:
        return chance.choice(OPENINGS) + text
    if lot < 0.48:
        return disguised(text, chance)
    return text


def disguised(text: str, chance: random.Random) -> str:
    """Return a text with its longest word written as people write it who dodge a filter."""
    words = text.split(" ")
    where = max(range(len(words)), key=lambda i: (len(words[i]), chance.random()))
    words[where] = _misspelt(words[where], chance)
    return " ".join(words)


def _misspelt(word: str, chance: random.Random) -> str:
    place = chance.randrange(1, max(2, len(word) - 1))
    return chance.choice(
        (
            word.translate(LEET),
            " ".join(word),
            word[:place] + word[place + 1 :],
            word[:place] + word[place : place + 1] * 2 + word[place + 1 :],
            word[: place - 1] + word[place : place + 1] + word[place - 1 : place] + word[place + 1 :],
            word[:place] + "*" + word[place + 1 :],
        )
    )


def _row(label: str, split: str, file: str, text: str) -> dict[str, Any]:
    return {"text": text, "label": label, "split": split, "source": f"templates/{file}"}
