"""Report what preparing rows found: how much was read, what was dropped and why, and what dev shares with train.

The report, leakage.json, has `kept` {split: {set: rows}} and for each of `sets`: `read`, `left_out` {why: rows},
`label_not_in_recipe` {label: rows}, `over_limit`, `over_dev_limit`, `copies` {"exact|near within|across ...": rows
dropped, "... conflicts": copies whose targets contradict}, `kept` {split: rows}, and `straddling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.rows import LabelledRow

Report = dict[str, Any]


def straddling(train: Sequence[LabelledRow], dev: Sequence[LabelledRow]) -> dict[str, Any]:
    """Return how many groups (`part`) have rows in both splits, and the share of dev rows in such groups.

    Both are 0 after a split by group.
    """
    seen = {row["part"] for row in train}
    shared = [row for row in dev if row["part"] in seen]
    return {
        "groups": len({row["part"] for row in (*train, *dev)}),
        "on_both_sides": len({row["part"] for row in shared}),
        "share_of_dev": round(len(shared) / len(dev), 3) if dev else 0.0,
    }


def summary(report: Report) -> str:
    """Return the report as a table with one line per set."""
    head = (
        "set",
        "read",
        "left out",
        "no label",
        "exact",
        "near",
        "of them across",
        "conflicts",
        "train",
        "dev",
        "shared",
    )
    lines = []
    for name, told in report["sets"].items():
        copies = told["copies"]
        lines.append(
            (
                name,
                told["read"],
                sum(told["left_out"].values()) + told.get("over_limit", 0) + told.get("over_dev_limit", 0),
                sum(told["label_not_in_recipe"].values()),
                sum(n for what, n in copies.items() if what.startswith("exact") and "conflicts" not in what),
                sum(n for what, n in copies.items() if what.startswith("near") and "conflicts" not in what),
                sum(n for what, n in copies.items() if what.endswith("across")),
                sum(n for what, n in copies.items() if what.endswith("conflicts")),
                told["kept"]["train"],
                told["kept"]["dev"],
                _shared(told["straddling"]),
            )
        )
    table = [head, *(tuple(map(str, line)) for line in lines)]
    widths = [max(len(row[k]) for row in table) for k in range(len(head))]
    return (
        "rows of each set; shared: the share of dev rows whose group is in train too, and the number of groups\n"
        + "\n".join(
            "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in table
        )
    )


def _shared(told: dict[str, Any]) -> str:
    return f"{told['share_of_dev']:.0%} of {told['groups']}" if told["groups"] > 1 else "one group"
