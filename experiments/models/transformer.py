"""The Transformer encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from experiments.budget import Positive
from experiments.errors import RequestError
from experiments.models.adapter import Rate, embed, input_of, predict
from experiments.models.model import Model
from experiments.tasks.task import Task, Tokens

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Transformer(Model):
    """A Transformer encoder: every step attends to every other, before and after it.

    Sinusoidal positions, normalization before each sublayer, and for one prediction per sequence
    the mean over the steps.
    """

    name: ClassVar[str] = "transformer"

    hidden_dim: Positive = 32
    """Width of a step's features; a multiple of `num_heads`."""
    num_heads: Positive = 4
    """Attention heads of a block."""
    intermediate_dim: Positive = 64
    """Width inside the feed-forward sublayers."""
    num_layers: Positive = 2
    """Blocks on top of each other."""
    dropout: Rate = 0.0
    """Share of activations dropped in training."""

    def check(self, task: Task) -> None:
        """Heads share the width evenly."""
        if self.hidden_dim % self.num_heads:
            raise RequestError(
                "transformer: hidden_dim must be a multiple of num_heads. "
                f"Received: hidden_dim={self.hidden_dim}, num_heads={self.num_heads}."
            )

    def build(self, task: Task) -> keras.Model:
        """Embedding with positions, blocks, normalization, one dense layer."""
        import keras  # 2-3 s, paid in the trial's process

        from keras_seq.layers import SinusoidalPositionEncoding, TransformerBlock

        inputs = input_of(task)
        features = embed(task, inputs, self.hidden_dim)
        if not isinstance(task.input, Tokens):
            features = keras.layers.Dense(self.hidden_dim, name="projection")(features)
        features = SinusoidalPositionEncoding()(features)
        for _ in range(self.num_layers):
            features = TransformerBlock(
                self.intermediate_dim, self.num_heads, dropout=self.dropout, normalize_first=True
            )(features)
        features = keras.layers.LayerNormalization()(features)
        if not task.target.per_step:
            features = keras.layers.GlobalAveragePooling1D()(features)
        return keras.Model(inputs, predict(task, features), name=self.name)
