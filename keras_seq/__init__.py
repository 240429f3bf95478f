"""Sequence layers for Keras 3."""

from importlib.metadata import version

from keras_seq import layers, models, ops

__all__ = ["__version__", "layers", "models", "ops"]

__version__ = version("keras-seq")
