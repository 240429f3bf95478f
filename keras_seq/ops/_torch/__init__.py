"""Versions of our functions that know PyTorch."""

from keras.ops import scan
from torch.compiler import is_compiling

from keras_seq.ops._torch.attention import attention
from keras_seq.ops._torch.gru import gru
from keras_seq.ops._torch.lstm import lstm

FAST_VERSIONS = {"attention": attention, "gru": gru, "lstm": lstm}
# The sizes from which `auto` takes the fast version; see `dispatch.by_size`.
CROSSOVERS = {"attention": 2**18}

__all__ = ["CROSSOVERS", "FAST_VERSIONS", "is_compiling", "scan"]
