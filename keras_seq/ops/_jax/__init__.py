"""Versions of our functions that know JAX."""

from keras.ops import scan

from keras_seq.ops._jax.attention import attention

FAST_VERSIONS = {"attention": attention}
# The sizes from which `auto` takes the fast version; see `dispatch.by_size`.
CROSSOVERS = {}

__all__ = ["CROSSOVERS", "FAST_VERSIONS", "scan"]
