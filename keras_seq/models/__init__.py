"""Models made of the layers, and the data they are trained with."""

from keras_seq.models.bert_encoder import BertEncoder
from keras_seq.models.seq2seq import Seq2Seq
from keras_seq.models.teacher_forcing import shift_right
from keras_seq.models.token_masking import mask_tokens

__all__ = ["BertEncoder", "Seq2Seq", "mask_tokens", "shift_right"]
