"""The policy: a validated policy file, and what it decides from signals. Only this package knows thresholds."""

from __future__ import annotations

from screening.policy.decide import decide
from screening.policy.load import load_policy
from screening.policy.problems import PolicyError
from screening.policy.replay import Change, Replay, compare, replay
from screening.policy.rules import BankSpec, Facts, Policy, Quota, Rule, Ruling

__all__ = [
    "BankSpec",
    "Change",
    "Facts",
    "Policy",
    "PolicyError",
    "Quota",
    "Replay",
    "Rule",
    "Ruling",
    "compare",
    "decide",
    "load_policy",
    "replay",
]
