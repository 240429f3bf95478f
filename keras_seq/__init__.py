"""Sequence layers for Keras 3."""

from importlib.metadata import version

from keras_seq import layers, ops

__all__ = ["__version__", "layers", "ops"]

__version__ = version("keras-seq")
