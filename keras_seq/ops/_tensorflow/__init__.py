"""Versions of our functions that know TensorFlow."""

from keras_seq.ops._tensorflow.attention import attention
from keras_seq.ops._tensorflow.gru import gru
from keras_seq.ops._tensorflow.lstm import lstm
from keras_seq.ops._tensorflow.scan import scan

FAST_VERSIONS = {"attention": attention, "gru": gru, "lstm": lstm}
# The sizes from which `auto` takes the fast version; see `dispatch.by_size`.
CROSSOVERS = {"gru": 4096, "lstm": 4096}

__all__ = ["CROSSOVERS", "FAST_VERSIONS", "scan"]
