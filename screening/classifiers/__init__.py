"""Run model bundles on their engines. No other code runs a model, and this code only scores: it decides nothing."""

from screening.classifiers.bundle import Bundle, find_bundles, load_bundle
from screening.classifiers.classifier import Classifier, Result
from screening.classifiers.engines import Engine, make_engine

__all__ = ["Bundle", "Classifier", "Engine", "Result", "find_bundles", "load_bundle", "make_engine"]
