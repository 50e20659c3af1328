"""A policy and a bundle that cost next to nothing, for tests of what jobs do and not of what a model says.

The bundle is real but tiny: it says `spam` of a text with `prize` or `win` in it, and `hate` of one with `bad`. The
policy is the shipped one, less the categories that need other labels.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from screening.settings import SHIPPED_POLICY
from tests.screening.classifiers.tiny import text_bundle

HEADS = [
    {"name": "hate", "kind": "multiclass", "labels": ["normal", "offensive", "hate"], "output": "logits_hate"},
    {
        "name": "spam",
        "kind": "multilabel",
        "labels": ["spam"],
        "output": "logits_spam",
        "pool": "max",
        "calibration": {"scale": [10.0], "shift": [-2.0]},
    },
]
LEVELS = {"hate": {"review": 0.5, "reject": 0.9}, "spam": {"review": 0.5, "reject": 0.9}}
OTHERS = {"sexism", "offensive", "harassment", "threat", "sexual", "self_harm", "clickbait", "unreliable_style"}


class Light:
    """Makes both in a folder."""

    def __init__(self, folder: Path) -> None:
        self.policy, self.bundles = str(folder / "policy.yaml"), str(folder / "bundles")
        text_bundle(folder / "bundles" / "tiny-text" / "1.0.0", heads=HEADS)
        shipped = Path(SHIPPED_POLICY)
        policy = yaml.safe_load(shipped.read_text())
        policy["categories"] = [
            each | {level: score for level, score in LEVELS.get(each["signal"], {}).items() if level in each}
            for each in policy["categories"]
            if each["signal"] not in OTHERS
        ]
        for bank in policy["banks"]:
            bank["file"] = str(shipped.parent / bank["file"])
        Path(self.policy).write_text(yaml.safe_dump(policy))

    @property
    def flags(self) -> list[str]:
        """The flags of both jobs that name them."""
        return ["--policy", self.policy, "--bundles", self.bundles]
