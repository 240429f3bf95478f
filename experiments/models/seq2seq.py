"""The recurrent encoder-decoder: a sentence becomes one vector, and the vector a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.models.adapter import Rate
from experiments.models.cost import Cost, cell, target_steps
from experiments.models.encoder_decoder import encoder_decoder, encoder_decoder_cost
from experiments.models.model import Model
from experiments.tasks.task import Channels, Sequences, Target, Task, Tokens

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Seq2Seq(Model):
    """A long short-term memory reads; its last state is all that another one writes from."""

    name: ClassVar[str] = "seq2seq"
    reads: ClassVar[tuple[type[Tokens | Channels], ...]] = (Tokens,)
    predicts: ClassVar[tuple[type[Target], ...]] = (Sequences,)
    widths: ClassVar[tuple[str, ...]] = ("units",)

    units: Positive = 128
    """Width of the state, of encoder and decoder."""
    embedding_dim: Positive = 32
    """Width of the token embeddings."""
    dropout: Rate = 0.0
    """Share of the inputs of encoder and decoder dropped in training."""

    def cost(self, task: Task) -> Cost:
        """That of encoder, decoder and words; writing keeps the state of the decoder."""
        encoder = cell(self.embedding_dim, self.units, task.sequence_length, gates=4, states=0)
        decoder = cell(self.embedding_dim, self.units, target_steps(task), gates=4, states=2)
        around = encoder_decoder_cost(task, embedding_dim=self.embedding_dim, outputs=self.units)
        return encoder + decoder + around

    def build(self, task: Task) -> keras.Model:
        """Embeddings, encoder, decoder, one dense layer."""
        from keras_seq.layers import LSTM  # with Keras 2-3 s, paid in the trial's process

        return encoder_decoder(
            task,
            encoder=[
                LSTM(self.units, return_sequences=True, return_state=True, dropout=self.dropout)
            ],
            decoder=[LSTM(self.units, return_sequences=True, dropout=self.dropout)],
            embedding_dim=self.embedding_dim,
            name=self.name,
        )
