"""Versions of our functions that know TensorFlow."""

from keras_seq.ops._tensorflow.attention import attention
from keras_seq.ops._tensorflow.branch import either
from keras_seq.ops._tensorflow.gru import gru
from keras_seq.ops._tensorflow.lstm import lstm
from keras_seq.ops._tensorflow.scan import scan

FAST_VERSIONS = {"attention": attention, "gru": gru, "lstm": lstm}
# The sizes from which `auto` takes the fast version; see `dispatch.by_size`. XLA takes a good half
# of a second to compile a loop, which then saves half of a millisecond in each training step.
CROSSOVERS = {"attention": 2**20, "gru": 1024, "lstm": 1024}

__all__ = ["CROSSOVERS", "FAST_VERSIONS", "either", "scan"]
