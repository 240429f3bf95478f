"""The mathematics of the layers as plain functions of tensors."""

from keras_seq.ops.attention import attention
from keras_seq.ops.beam_search import beam_search
from keras_seq.ops.gru import gru
from keras_seq.ops.lstm import lstm

__all__ = ["attention", "beam_search", "gru", "lstm"]
