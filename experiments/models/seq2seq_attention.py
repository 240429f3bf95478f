"""The recurrent encoder-decoder with attention: the decoder looks back at every step read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from experiments.budget import Positive
from experiments.models.adapter import Rate
from experiments.models.cost import Cost, cell, dense, product, target_steps
from experiments.models.encoder_decoder import encoder_decoder, encoder_decoder_cost
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
    widths: ClassVar[tuple[str, ...]] = ("units",)

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

    def cost(self, task: Task) -> Cost:
        """That of `seq2seq`, with wider inputs of the decoder's cell, and that of attention.

        Writing keeps the decoder's state, every step of the encoder, and its projection where the
        score has one.
        """
        units, steps = self.units, target_steps(task)
        encoder = cell(self.embedding_dim, units, task.sequence_length, gates=4, states=0)
        # Beside the token the cell reads the context, or the output before.
        decoder = cell(self.embedding_dim + units, units, steps, gates=4, states=2)
        around = encoder_decoder_cost(task, embedding_dim=self.embedding_dim, outputs=units)
        return encoder + decoder + self._attention_cost(task) + around

    def _attention_cost(self, task: Task) -> Cost:
        units, steps, memory_steps = self.units, target_steps(task), task.sequence_length
        memory = Cost(state_size=memory_steps * units)
        pairs = product(steps * memory_steps * units)
        cost = memory + pairs * 2  # scores and contexts
        if self.score in ("general", "additive", "concat"):
            cost += dense(units, units, memory_steps, bias=False) + memory
        if self.score in ("additive", "concat"):
            score_kernel = Cost(num_parameters=units)
            cost += dense(units, units, steps, bias=False) + score_kernel
        if self.placement == "luong":
            # The output, which the next step reads, is made of context and state.
            cost += dense(2 * units, units, steps, bias=False) + Cost(state_size=units)
        return cost

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
