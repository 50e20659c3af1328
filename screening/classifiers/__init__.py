"""Model bundles on their engines: the only code that runs a model, and it only scores."""

from screening.classifiers.bundle import Bundle, find_bundles, load_bundle
from screening.classifiers.classifier import Classifier
from screening.classifiers.engines import Engine, make_engine

__all__ = ["Bundle", "Classifier", "Engine", "find_bundles", "load_bundle", "make_engine"]
