"""Sequence layers."""

from keras_seq.layers.attention import Attention
from keras_seq.layers.attention_rnn import AttentionRNN
from keras_seq.layers.bidirectional import Bidirectional
from keras_seq.layers.gru import GRU
from keras_seq.layers.gru_cell import GRUCell
from keras_seq.layers.lstm import LSTM
from keras_seq.layers.lstm_cell import LSTMCell
from keras_seq.layers.masked_lm_head import MaskedLMHead
from keras_seq.layers.multi_head_attention import MultiHeadAttention
from keras_seq.layers.multi_head_self_attention import MultiHeadSelfAttention
from keras_seq.layers.peephole_lstm import PeepholeLSTM
from keras_seq.layers.peephole_lstm_cell import PeepholeLSTMCell
from keras_seq.layers.position_embedding import PositionEmbedding
from keras_seq.layers.rotary_embedding import RotaryEmbedding
from keras_seq.layers.sinusoidal_position_encoding import SinusoidalPositionEncoding
from keras_seq.layers.transformer_block import TransformerBlock
from keras_seq.layers.transformer_decoder_block import TransformerDecoderBlock

__all__ = [
    "GRU",
    "LSTM",
    "Attention",
    "AttentionRNN",
    "Bidirectional",
    "GRUCell",
    "LSTMCell",
    "MaskedLMHead",
    "MultiHeadAttention",
    "MultiHeadSelfAttention",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
    "PositionEmbedding",
    "RotaryEmbedding",
    "SinusoidalPositionEncoding",
    "TransformerBlock",
    "TransformerDecoderBlock",
]
