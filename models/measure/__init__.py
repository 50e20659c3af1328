"""What a model is worth: figures with intervals, calibration, slices and baselines, on dev rows."""
