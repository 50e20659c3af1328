"""Split a set into train and dev: as given, by lot, by group or by date. The result is the same every time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

from models.data.sources import Raw, plain, split_of
from models.recipe import Split


def sides(rows: Sequence[Raw], how: Split, seed: int) -> list[str]:
    """Return `train` or `dev` for each row, or why it is neither: another split (`test`), `no group`, `no date`."""
    given = [split_of(row) for row in rows]
    if how.by == "given":
        return [side or "no split" for side in given]
    out = list(given)
    values = [plain(row.get(how.field)) for row in rows]
    ours = [i for i, side in enumerate(given) if side in ("train", "dev", "")]
    if how.by == "random":
        lot = sorted(ours, key=lambda i: _lot(seed, plain(rows[i].get("id")) + "\n" + plain(rows[i].get("text"))))
        dev = set(lot[: round(how.dev * len(lot))])
        for i in ours:
            out[i] = _side(i in dev)
        return out
    if how.by == "date":
        for i in ours:
            day = day_of(values[i])
            out[i] = "no date" if day is None or how.after is None else _side(day >= how.after)
        return out
    chosen = _dev_groups(Counter(values[i] for i in ours if values[i]), how.dev, seed)
    for i in ours:
        out[i] = _side(values[i] in chosen) if values[i] else "no group"
    return out


def day_of(value: str) -> date | None:
    """Return the UTC day of an ISO 8601 date or time; None if the value is neither."""
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (when.astimezone(UTC) if when.tzinfo else when).date()


def _dev_groups(sizes: Counter[str], part: float, seed: int) -> set[str]:
    """Return groups drawn by lot while their rows stay within `part`; the smallest group if none does."""
    room = part * sizes.total()
    chosen: set[str] = set()
    for group in sorted(sizes, key=lambda g: _lot(seed, g)):
        if sizes[group] <= room:
            chosen.add(group)
            room -= sizes[group]
    return chosen or {min(sizes, key=lambda g: (sizes[g], g))} if len(sizes) > 1 else set()


def _side(dev: bool) -> str:
    return "dev" if dev else "train"


def _lot(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{key}".encode("utf-8", "surrogatepass")).digest()
