"""Measure how good a model is, on dev rows: figures with intervals, calibration, slices and baselines."""
