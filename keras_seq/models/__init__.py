"""Models made of the layers, and the data they are trained with."""

from keras_seq.models.bert_encoder import BertEncoder
from keras_seq.models.token_masking import mask_tokens

__all__ = ["BertEncoder", "mask_tokens"]
