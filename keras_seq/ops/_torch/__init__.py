"""Versions of our functions that know PyTorch."""

from keras.ops import scan

FAST_VERSIONS = {}

__all__ = ["FAST_VERSIONS", "scan"]
