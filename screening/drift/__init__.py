"""Measure how far the scores of one run have moved from those of another."""

from screening.drift.measure import ROWS, Drift, Shift, TooFew, drift

__all__ = ["ROWS", "Drift", "Shift", "TooFew", "drift"]
