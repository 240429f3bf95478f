"""Versions of our functions that know JAX."""

from keras.ops import scan

from keras_seq.ops._jax.attention import attention
from keras_seq.ops._jax.gru import gru
from keras_seq.ops._jax.lstm import lstm

FAST_VERSIONS = {"attention": attention, "gru": gru, "lstm": lstm}
# The sizes from which `auto` takes the fast version; see `dispatch.by_size`.
CROSSOVERS = {"attention": 2**18}

__all__ = ["CROSSOVERS", "FAST_VERSIONS", "scan"]
