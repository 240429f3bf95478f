"""The recurrent encoder-decoder with attention: the decoder looks back at every step read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from experiments.budget import Positive
from experiments.models.adapter import Rate
from experiments.models.encoder_decoder import encoder_decoder
from experiments.models.model import Model
from experiments.tasks.task import Channels, Sequences, Target, Task, Tokens

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Seq2SeqAttention(Model):
    """`seq2seq` with the same encoder, whose every step the decoder may attend to."""

    name: ClassVar[str] = "seq2seq_attention"
    reads: ClassVar[tuple[type[Tokens | Channels], ...]] = (Tokens,)
    predicts: ClassVar[tuple[type[Target], ...]] = (Sequences,)

    units: Positive = 128
    """Width of the state, of encoder and decoder."""
    embedding_dim: Positive = 32
    """Width of the token embeddings."""
    dropout: Rate = 0.0
    """Share of the inputs of encoder and decoder dropped in training."""
    score: Literal["dot", "scaled_dot", "general", "additive", "concat"] = "additive"
    """How a state of the decoder is compared with a step of the encoder."""
    placement: Literal["bahdanau", "luong"] = "bahdanau"
    """Whether attention comes before the decoder's step or after it."""

    def build(self, task: Task) -> keras.Model:
        """Embeddings, encoder, decoder with attention, one dense layer."""
        # With Keras 2-3 s, paid in the trial's process.
        from keras_seq.layers import LSTM, Attention, AttentionRNN, LSTMCell

        decoder = AttentionRNN(
            LSTMCell(self.units, dropout=self.dropout),
            Attention(score=self.score),
            placement=self.placement,
            return_sequences=True,
        )
        return encoder_decoder(
            task,
            encoder=[
                LSTM(self.units, return_sequences=True, return_state=True, dropout=self.dropout)
            ],
            decoder=[decoder],
            embedding_dim=self.embedding_dim,
            name=self.name,
        )
