"""How the scores of one time lie from those of another."""

from screening.drift.measure import ROWS, Drift, Shift, TooFew, drift

__all__ = ["ROWS", "Drift", "Shift", "TooFew", "drift"]
