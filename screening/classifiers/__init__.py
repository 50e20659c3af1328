"""Model bundles on ONNX Runtime: the only code that runs a model, and it only scores."""

from screening.classifiers.bundle import Bundle, find_bundles, load_bundle
from screening.classifiers.classifier import Classifier
from screening.classifiers.engines import ENGINES, Engine, make_engine

__all__ = ["ENGINES", "Bundle", "Classifier", "Engine", "find_bundles", "load_bundle", "make_engine"]
